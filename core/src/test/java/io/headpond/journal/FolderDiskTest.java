package io.headpond.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ConfigurationException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a real folder adds to the contract of disks: locks, processes, interrupts. */
class FolderDiskTest {
  @TempDir Path folder;

  @AfterEach
  void notInterrupted() {
    Thread.interrupted();
  }

  @Test
  void foldersAreCreated() throws IOException {
    Disk disk = Disk.in(folder.resolve("a/b"));
    assertThat(disk.list()).isEmpty();
    assertThat(folder.resolve("a/b")).isDirectory();
  }

  /** The datasets of a server are opened side by side, and their journals share a parent that is not there yet. */
  @Test
  void foldersWithTheSameParentsMayBeCreatedAtOnce() throws Exception {
    int many = 6;
    ExecutorService threads = Executors.newFixedThreadPool(many);
    try {
      for (int round = 0; round < 50; round++) {
        Path parent = folder.resolve("data" + round).resolve("journal");
        CyclicBarrier start = new CyclicBarrier(many);
        List<Future<Disk>> disks = new ArrayList<>();
        for (int i = 0; i < many; i++) {
          Path each = parent.resolve("" + i);
          disks.add(
              threads.submit(
                  () -> {
                    start.await();
                    return Disk.in(each);
                  }));
        }
        for (Future<Disk> disk : disks) {
          assertThat(disk.get().list()).isEmpty();
        }
      }
    } finally {
      threads.shutdown();
    }
  }

  @Test
  void aFolderThatIsAFileIsRefused() throws IOException {
    Path file = Files.createFile(folder.resolve("file"));
    assertThatThrownBy(() -> Disk.in(file.resolve("sub")))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("cannot be created");
  }

  @Test
  void anInterruptStopsNothing() throws IOException {
    Disk disk = Disk.in(folder);
    Thread.currentThread().interrupt();
    Disk.SegmentFile file = disk.create("a", 8_192);
    file.write(10, new byte[] {1, 2, 3}, 0, 3);
    file.force(0, 8_192);
    disk.rename("a", "b");
    disk.forceDirectory();
    file.close();
    try (Disk.SegmentFile again = disk.open("b")) {
      assertThat(again.bytes().get(12)).isEqualTo((byte) 3);
    }
    assertThat(Thread.currentThread().isInterrupted()).isTrue();
  }

  @Test
  void deletingGivesTheSpaceBackWhileTheFileIsMapped() throws IOException {
    Disk disk = Disk.in(folder);
    Disk.SegmentFile file = disk.create("a", 8_192);
    Path second = folder.resolve("second");
    Files.createLink(second, folder.resolve("a"));
    disk.delete("a");
    assertThat(Files.size(second)).isZero();
    file.close();
  }

  @Test
  void theSecondLockInAProcessNeitherSucceedsNorDropsTheFirst() throws Exception {
    Disk disk = Disk.in(folder);
    try (Closeable held = disk.lock("journal.lock")) {
      assertThat(held).isNotNull();
      assertThatThrownBy(() -> Disk.in(folder).lock("journal.lock"))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining("in use by this process");
      assertThat(other()).contains("REFUSED").contains("" + ProcessHandle.current().pid());
    }
    assertThat(other()).contains("LOCKED");
    disk.lock("journal.lock").close();
  }

  /** Tries to take the lock in another process. */
  private String other() throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path")
                    + System.getProperty("path.separator")
                    + System.getProperty("jdk.module.path", ""),
                Locker.class.getName(),
                folder.toString())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return output;
  }

  /** The other process. */
  static final class Locker {
    public static void main(String[] args) throws IOException {
      try (Closeable held = Disk.in(Path.of(args[0])).lock("journal.lock")) {
        System.out.println("LOCKED " + (held != null));
      } catch (ConfigurationException e) {
        System.out.println("REFUSED " + e.getMessage());
      }
    }
  }
}
