package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.journal.CheckReport;
import io.headpond.journal.JournalTool;
import io.headpond.journal.SalvageReport;
import io.headpond.spi.HotStore;
import io.headpond.spi.Mutation;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A journal of three segments with records of every kind, damaged in every way: it is recovered to a state that it once had, or it does not start.
 */
class JournalDamageTest {
  private static final int HEADER_USED = 80 + 24 + 4;
  private static final int HEADER = 4_096;

  private final JournalFixture fixture = new JournalFixture();

  /** By where the newest segment ended. */
  private final Map<Integer, JournalFixture.State> stateAt = new HashMap<>();

  private JournalFixture.State full;
  private SimulatedDisk disk;

  /** Groups of the newest segment below this offset are known to have been forced. */
  private int protectedEnd;

  @BeforeEach
  void writeJournal() {
    fixture.await(fixture.store.open(0, 1, 0, false));
    fixture.environment.run();
    Mutation first = fixture.put("first", "stays");
    for (int i = 0; i < 15; i++) {
      fixture.put("filler" + i % 3, JournalFixture.LONG + i);
      fixture.environment.run();
    }
    assertThat(JournalFixture.segments(fixture.disk)).containsExactly(1L, 2L, 3L);
    note();
    Mutation a = step(() -> fixture.put("a", "1", Durability.JOURNAL));
    Mutation b = step(() -> fixture.put("b", "1", Durability.JOURNAL));
    step(() -> fixture.put("c", null, Durability.JOURNAL));
    step(() -> fixture.put("a", "2", Durability.DISK));
    step(() -> fixture.settle(a));
    step(() -> fixture.settle(first.version(), b));
    Mutation d = step(() -> fixture.put("d", "1", Durability.JOURNAL));
    Mutation e = step(() -> fixture.put("e", "1", Durability.JOURNAL));
    step(() -> fixture.defer(d, 2));
    step(() -> fixture.put("d", "2", Durability.JOURNAL));
    step(() -> fixture.park(e));
    protectedEnd = JournalFixture.end(newest());
    step(() -> fixture.put("f", "1", Durability.JOURNAL));
    step(() -> fixture.put("g", null, Durability.JOURNAL));
    step(() -> fixture.put("e", "2", Durability.JOURNAL));
    step(() -> fixture.put("h", "x".repeat(700), Durability.JOURNAL));
    full = fixture.state();
    disk = fixture.disk;
    assertThat(fixture.recovered(disk)).isEqualTo(full);
  }

  private byte[] newest() {
    return fixture.disk.contents(JournalFixture.segment(3));
  }

  private void note() {
    stateAt.put(JournalFixture.end(newest()), fixture.state());
  }

  private Mutation step(java.util.function.Supplier<Mutation> action) {
    Mutation mutation = action.get();
    note();
    return mutation;
  }

  private void step(Runnable action) {
    action.run();
    note();
  }

  private enum End {
    STOPPED
  }

  /** The state that is recovered, or that the start was refused with a reason. */
  private Object recover(SimulatedDisk from) {
    try {
      return fixture.recovered(from);
    } catch (ConfigurationException e) {
      assertThat(e).hasMessageContaining("journal check").hasMessageContaining("simulated/");
      return End.STOPPED;
    }
  }

  private Object recoverWith(String name, byte[] bytes) {
    SimulatedDisk copy = disk.copy();
    copy.put(name, bytes);
    return recover(copy);
  }

  private static boolean sampled(int at, byte[] bytes) {
    return bytes[at] != 'x' || at % 61 == 0;
  }

  @Test
  void everyFlippedByteOfAnOldSegmentStopsTheStart() {
    for (long number : List.of(1L, 2L)) {
      String name = JournalFixture.segment(number);
      byte[] good = disk.contents(name);
      List<Integer> groups = JournalFixture.groups(good);
      int end = JournalFixture.end(good);
      for (int at = 0; at < end; at++) {
        boolean padding = (at >= HEADER_USED && at < HEADER) || inPadding(good, groups, at);
        if (padding ? at % 8 == 7 : sampled(at, good)) {
          byte[] bad = good.clone();
          bad[at] ^= 0x10;
          assertThat(recoverWith(name, bad))
              .as("segment %s, byte %s", number, at)
              .isEqualTo(padding ? full : End.STOPPED);
        }
      }
    }
  }

  private static int groupAt(List<Integer> groups, int at) {
    return groups.stream().filter(begin -> begin <= at).reduce(0, Math::max);
  }

  private static boolean inPadding(byte[] segment, List<Integer> groups, int at) {
    ByteBuffer in = ByteBuffer.wrap(segment);
    for (int i = 0; i + 1 < groups.size(); i++) {
      if (at < groups.get(i + 1)) {
        return at >= groups.get(i) + 16 + in.getInt(groups.get(i) + 4);
      }
    }
    return true;
  }

  @Test
  void everyFlippedByteOfTheNewestSegmentStopsTheStartOrCutsWhatWasNeverForced() {
    String name = JournalFixture.segment(3);
    byte[] good = disk.contents(name);
    List<Integer> groups = JournalFixture.groups(good);
    int cut = 0;
    for (int at = 0; at < JournalFixture.end(good) + 64; at++) {
      if (at >= HEADER_USED && at < HEADER && at % 64 != 0) {
        continue;
      }
      byte[] bad = good.clone();
      bad[at] ^= (byte) (1 << at % 8);
      Object end = recoverWith(name, bad);
      if ((at >= HEADER_USED && at < HEADER) || inPadding(good, groups, at)) {
        assertThat(end).as("byte %s", at).isEqualTo(full);
      } else if (at < protectedEnd) {
        assertThat(end).as("byte %s", at).isEqualTo(End.STOPPED);
      } else {
        assertThat(end).as("byte %s", at).isEqualTo(stateAt.get(groupAt(groups, at)));
        cut++;
      }
    }
    assertThat(cut).isPositive();
  }

  @Test
  void aNewestSegmentWhoseEndWasNeverWrittenIsCutAtEachOffset() {
    String name = JournalFixture.segment(3);
    byte[] good = disk.contents(name);
    List<Integer> groups = JournalFixture.groups(good);
    for (int at = groups.get(2); at < JournalFixture.end(good); at++) {
      byte[] bad = good.clone();
      Arrays.fill(bad, at, bad.length, (byte) 0);
      // Zeros at the end of a group may be its own.
      int kept = at;
      while (kept < good.length && good[kept] == 0) {
        kept++;
      }
      assertThat(recoverWith(name, bad))
          .as("byte %s", at)
          .isIn(stateAt.get(groupAt(groups, at)), stateAt.get(groupAt(groups, kept)));
    }
  }

  @Test
  void aTruncatedFileStopsTheStart() {
    for (long number : List.of(1L, 2L, 3L)) {
      String name = JournalFixture.segment(number);
      byte[] good = disk.contents(name);
      for (int length = 0; length < good.length; length += length < 200 ? 1 : 509) {
        assertThat(recoverWith(name, Arrays.copyOf(good, length)))
            .as("segment %s, length %s", number, length)
            .isEqualTo(End.STOPPED);
      }
    }
  }

  @Test
  void aMissingSegmentStopsTheStart() {
    for (long number : List.of(1L, 2L)) {
      SimulatedDisk copy = disk.copy();
      copy.remove(JournalFixture.segment(number));
      assertThat(recover(copy)).isEqualTo(End.STOPPED);
      assertThat(JournalTool.check(copy).damage().get(0).what()).contains("missing");
    }
  }

  @Test
  void aSegmentOfAnotherJournalStopsTheStart() {
    JournalFixture other = new JournalFixture();
    // The same seed gives the same id; another one is needed.
    other.environment.random();
    SimulatedDisk otherDisk = new SimulatedDisk();
    other.open(otherDisk).close();
    assertThat(
            recoverWith(JournalFixture.segment(2), otherDisk.contents(JournalFixture.segment(1))))
        .isEqualTo(End.STOPPED);
  }

  @Test
  void anUnknownFormatVersionStopsTheStart() {
    byte[] newer = disk.contents(JournalFixture.segment(3)).clone();
    newer[11] = 9;
    SimulatedDisk copy = disk.copy();
    copy.put(JournalFixture.segment(3), newer);
    assertThatThrownBy(() -> fixture.open(copy))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("format version 9");
  }

  @Test
  void randomBytesBehindTheEndAreNoRecords() {
    String name = JournalFixture.segment(3);
    byte[] bytes = disk.contents(name).clone();
    byte[] old = disk.contents(JournalFixture.segment(2));
    int end = JournalFixture.end(bytes);
    // As in a recycled file: groups that were valid elsewhere.
    System.arraycopy(old, end, bytes, end, bytes.length - end);
    assertThat(recoverWith(name, bytes)).isEqualTo(full);
    System.arraycopy(old, HEADER, bytes, end, 4_096);
    assertThat(recoverWith(name, bytes)).isEqualTo(full);
  }

  @Test
  void afterACleanEndNothingIsCut() {
    fixture.store.close();
    SimulatedDisk closed = fixture.disk;
    String name = JournalFixture.segment(3);
    byte[] good = closed.contents(name);
    List<Integer> groups = JournalFixture.groups(good);
    int lastRecord = groups.get(groups.size() - 2);
    for (int at = HEADER; at < lastRecord; at++) {
      if (sampled(at, good) && !inPadding(good, groups, at)) {
        byte[] bad = good.clone();
        bad[at] ^= 1;
        SimulatedDisk copy = closed.copy();
        copy.put(name, bad);
        assertThat(recover(copy)).as("byte %s", at).isEqualTo(End.STOPPED);
      }
    }
  }

  @Test
  void checkTellsWhatIsThereAndWhatIsWrong() {
    SimulatedDisk copy = disk.copy();
    CheckReport good = JournalTool.check(copy);
    assertThat(good.sound()).isTrue();
    assertThat(good.segments()).isEqualTo(3);
    assertThat(good.pending() + good.parked()).isEqualTo(full.entries().size());
    assertThat(good.closed()).isFalse();
    assertThat(JournalTool.pending(copy)).isEqualTo(full.entries().size());
    int group = JournalFixture.groups(copy.contents(JournalFixture.segment(2))).get(3);
    copy.contents(JournalFixture.segment(2))[group + 40] ^= 1;
    CheckReport bad = JournalTool.check(copy);
    assertThat(bad.damage()).hasSize(1);
    assertThat(bad.damage().get(0).file()).endsWith(JournalFixture.segment(2));
    assertThat(bad.damage().get(0).from()).isEqualTo(group);
    assertThatThrownBy(() -> JournalTool.pending(copy)).isInstanceOf(ConfigurationException.class);
  }

  @Test
  void salvageKeepsWhatIsCertainAndParksWhatIsDoubtful() {
    SimulatedDisk bad = disk.copy();
    byte[] newest = bad.contents(JournalFixture.segment(3));
    // The settlement of b.
    List<Integer> groups = JournalFixture.groups(newest);
    newest[groups.get(7) + 20] ^= 1;
    SimulatedDisk target = new SimulatedDisk();
    SalvageReport report = JournalTool.salvage(bad, target);
    assertThat(report.writesMayBeMissing()).isTrue();
    assertThat(report.damage()).hasSize(1);
    assertThat(report.doubtful()).contains("first", "a", "b", "c").doesNotContain("d", "f");
    HotStore salvaged = fixture.open(target);
    assertThat(salvaged.id().id()).isEqualTo(report.id()).isNotEqualTo(fixture.store.id().id());
    assertThat(salvaged.stats(0).parked()).isEqualTo(report.parked());
    assertThat(salvaged.stats(0).pending()).isEqualTo(report.pending());
    salvaged.close();
    assertThatThrownBy(() -> JournalTool.salvage(bad, target))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("holds a journal already");
  }

  @Test
  void salvageOfASoundJournalLosesNothing() {
    SimulatedDisk target = new SimulatedDisk();
    SalvageReport report = JournalTool.salvage(disk.copy(), target);
    assertThat(report.writesMayBeMissing()).isFalse();
    assertThat(report.doubtful()).isEmpty();
    assertThat(fixture.recovered(target)).isEqualTo(full);
  }
}
