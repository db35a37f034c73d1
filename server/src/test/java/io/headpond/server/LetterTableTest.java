package io.headpond.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class LetterTableTest {
  @Test
  void theKeyIsWholeAndTheErrorBelowItInFull() {
    String key = "0b0f7c5e-6f0e-4f43-9d0c-2f4a1f1f5a01,".repeat(4);
    String error =
        "new row for relation \"products\" violates check constraint\n\"price_is_above_zero\" "
            + "x".repeat(250);
    String table =
        LetterTable.of(
            "products",
            List.of(
                Map.of(
                    "key", key,
                    "attempts", "4",
                    "last", "2026-01-31T10:15:30.123Z",
                    "class", "constraint",
                    "sqlstate", "23514",
                    "error", error)));
    List<String> lines = table.lines().toList();
    assertThat(lines.get(2)).isEqualTo("    4  2026-01-31 10:15:30  constraint   23514     " + key);
    assertThat(lines.subList(3, lines.size()))
        .allMatch(line -> line.startsWith("       ") && line.length() <= 100);
    assertThat(table.replaceAll("\\s+", "")).endsWith(error.replaceAll("\\s+", ""));
  }
}
