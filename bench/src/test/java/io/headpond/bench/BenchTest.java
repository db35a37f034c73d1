package io.headpond.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** That the benchmarks run; what they measure is never asserted. */
class BenchTest {
  @TempDir Path folder;

  @Test
  void runsThoseWithoutDatabaseAndLeavesNothing() throws Exception {
    ByteArrayOutputStream report = new ByteArrayOutputStream();
    List<Benchmark> chosen = Bench.ALL.stream().filter(b -> !b.needsPostgres()).toList();

    try (Run run = Run.in(folder, true, new PrintStream(report, true, StandardCharsets.UTF_8))) {
      Bench.all(chosen, run);
    }

    String text = report.toString(StandardCharsets.UTF_8);
    assertThat(chosen)
        .extracting(Benchmark::name)
        .containsExactly("writes", "force", "heap", "recovery");
    assertThat(text).contains("| MEMORY", "| JOURNAL", "| DISK", "| cores", "each entry written");
    try (Stream<Path> left = Files.list(folder)) {
      assertThat(left).isEmpty();
    }
  }

  @Test
  void medianIsTheMiddle() {
    Samples samples = new Samples();
    for (double value : new double[] {5, 1, 4, 2}) {
      samples.add(value);
    }

    assertThat(samples.median()).isEqualTo(3);
    assertThat(samples.text(Samples::whole)).isEqualTo("3 (1..5)");
  }

  @Test
  void columnsAreAligned() {
    Table table = new Table("what", "number");
    table.row("a", "12");
    table.row("longer", "3");

    assertThat(table.toString())
        .isEqualTo(
            """
            | what   | number |
            |--------|--------|
            | a      |     12 |
            | longer |      3 |
            """);
  }
}
