package io.headpond.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PostgresBinariesTest {
  @TempDir Path cache;

  @Test
  void twoAtOnceReplaceWhatACrashLeftIncompleteByOneWholeInstallation() throws Exception {
    Path home = PostgresBinaries.homeIn(cache, PostgresBinaries.archiveForThisMachine());
    Path postgres = Files.createDirectories(home.resolve("bin")).resolve("postgres");
    Files.createFile(postgres);
    Files.writeString(home.resolve("headpond.sum"), "1000 files, 60000000 bytes\n");

    CompletableFuture<Path> other = CompletableFuture.supplyAsync(this::unpack);

    assertThat(unpack()).isEqualTo(home);
    assertThat(other.join()).isEqualTo(home);
    assertThat(postgres).isExecutable().isNotEmptyFile();
    assertThat(installations()).isEqualTo(1);
  }

  @Test
  void machinesAreTranslatedAndOthersNamed() {
    assertThat(PostgresBinaries.archiveName("Linux", "amd64"))
        .isEqualTo("postgres-linux-x86_64.txz");
    assertThat(PostgresBinaries.archiveName("Linux", "aarch64"))
        .isEqualTo("postgres-linux-arm_64.txz");
    assertThat(PostgresBinaries.archiveName("Mac OS X", "x86_64"))
        .isEqualTo("postgres-darwin-x86_64.txz");
    assertThat(PostgresBinaries.archiveName("Mac OS X", "aarch64"))
        .isEqualTo("postgres-darwin-arm_64.txz");
    assertThatThrownBy(() -> PostgresBinaries.archiveName("Windows 11", "amd64"))
        .isInstanceOf(EmbeddedPostgresException.class)
        .hasMessageContaining("Windows 11");
  }

  private Path unpack() {
    try {
      return PostgresBinaries.in(cache).home();
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private long installations() throws Exception {
    try (Stream<Path> entries = Files.list(cache)) {
      return entries.filter(Files::isDirectory).count();
    }
  }
}
