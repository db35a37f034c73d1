package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.UnavailableException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiscardedTest {
  @TempDir private Path folder;

  @Test
  void eachLetterIsALineBehindTheOthers() throws IOException {
    keep("a");
    keep("b\n\u20ac");
    keep("c");
    assertThat(Files.readAllLines(folder.resolve("discarded.ndjson")))
        .containsExactly("{\"key\":\"a\"}", "{\"key\":\"b\\n\u20ac\"}", "{\"key\":\"c\"}");
  }

  @Test
  void halfALineOfACrashSpoilsNoLaterOne() throws IOException {
    keep("a");
    Files.writeString(
        folder.resolve("discarded.ndjson"), "{\"key\":\"to", StandardOpenOption.APPEND);
    keep("b");
    assertThat(Files.readAllLines(folder.resolve("discarded.ndjson")))
        .containsExactly("{\"key\":\"a\"}", "{\"key\":\"to", "{\"key\":\"b\"}");
  }

  @Test
  void nobodyElseReadsIt() throws IOException {
    keep("a");
    assertThat(Files.getPosixFilePermissions(folder.resolve("discarded.ndjson")))
        .containsExactlyInAnyOrder(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);
  }

  @Test
  void whatCannotBeKeptIsSaid() throws IOException {
    Files.createDirectory(folder.resolve("discarded.ndjson"));
    assertThatThrownBy(() -> keep("a"))
        .isInstanceOf(UnavailableException.class)
        .hasMessageContaining("discarded.ndjson")
        .hasMessageContaining("so it stays");
  }

  private void keep(String key) {
    new Discarded(folder).keep(new Json().beginObject().member("key", key).endObject());
  }
}
