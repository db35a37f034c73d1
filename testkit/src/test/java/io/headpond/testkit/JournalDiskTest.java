package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ConfigurationException;
import io.headpond.journal.Disk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The real disk and the simulated one keep the same contract. */
class JournalDiskTest {
  abstract static class Contract {
    Disk disk;

    @Test
    void aNewFileIsZeros() throws IOException {
      try (Disk.SegmentFile file = disk.create("a", 8_192)) {
        assertThat(file.size()).isEqualTo(8_192);
        assertThat(file.bytes()).isEqualTo(ByteBuffer.allocate(8_192));
      }
      assertThat(disk.list()).containsExactly("a");
    }

    @Test
    void creatingReplaces() throws IOException {
      Disk.SegmentFile old = disk.create("a", 4_096);
      old.write(0, new byte[] {9}, 0, 1);
      old.close();
      assertThat(disk.create("a", 8_192).bytes()).isEqualTo(ByteBuffer.allocate(8_192));
    }

    @Test
    void whatIsWrittenIsSeenByAll() throws IOException {
      Disk.SegmentFile file = disk.create("a", 8_192);
      ByteBuffer before = file.bytes();
      file.write(4_000, "xhellox".getBytes(java.nio.charset.StandardCharsets.US_ASCII), 1, 5);
      file.force(4_000, 4_005);
      assertThat(before.get(4_001)).isEqualTo((byte) 'e');
      assertThat(disk.read("a").bytes().get(4_004)).isEqualTo((byte) 'o');
      assertThat(disk.open("a").bytes().get(4_005)).isZero();
      disk.read("a").force(0, 8_192);
    }

    @Test
    void viewsAreReadOnlyAndTheirOwn() throws IOException {
      Disk.SegmentFile file = disk.create("a", 4_096);
      ByteBuffer view = file.bytes();
      view.position(7);
      assertThat(view.isReadOnly()).isTrue();
      assertThat(file.bytes().position()).isZero();
    }

    @Test
    void aFileGoesOnUnderAnotherName() throws IOException {
      Disk.SegmentFile file = disk.create("a", 4_096);
      disk.create("b", 4_096);
      disk.rename("a", "b");
      disk.forceDirectory();
      file.write(1, new byte[] {5}, 0, 1);
      assertThat(disk.list()).containsExactly("b");
      assertThat(disk.read("b").bytes().get(1)).isEqualTo((byte) 5);
    }

    @Test
    void aDeletedFileIsGone() throws IOException {
      disk.create("a", 4_096);
      disk.delete("a");
      disk.delete("a");
      assertThat(disk.list()).isEmpty();
      assertThatThrownBy(() -> disk.open("a")).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> disk.read("a")).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> disk.rename("a", "b")).isInstanceOf(IOException.class);
    }

    @Test
    void oneHoldsTheLock() throws IOException {
      var lock = disk.lock("lock");
      assertThatThrownBy(() -> disk.lock("lock"))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining("in use by");
      lock.close();
      disk.lock("lock").close();
    }
  }

  @Nested
  class Real extends Contract {
    Real(@TempDir Path folder) {
      disk = Disk.in(folder.resolve("journal"));
    }
  }

  @Nested
  class Simulated extends Contract {
    Simulated() {
      disk = new SimulatedDisk();
    }

    @Test
    void whatWasNotForcedMayBeLost() throws IOException {
      SimulatedDisk simulated = (SimulatedDisk) disk;
      Disk.SegmentFile file = simulated.create("a", 4_096);
      simulated.forceDirectory();
      file.write(0, new byte[] {1}, 0, 1);
      file.force(0, 1);
      file.write(1_000, new byte[] {2}, 0, 1);
      int kept = 0;
      for (int seed = 0; seed < 100; seed++) {
        SimulatedDisk after = simulated.copyWithHistory().losePower(seed);
        assertThat(after.contents("a")[0]).isEqualTo((byte) 1);
        kept += after.contents("a")[1_000] == 2 ? 1 : 0;
      }
      assertThat(kept).isBetween(10, 90);
      assertThat(simulated.crashProcess().contents("a")[1_000]).isEqualTo((byte) 2);
      assertThatThrownBy(() -> file.write(0, new byte[1], 0, 1)).isInstanceOf(IOException.class);
    }
  }
}
