package io.headpond.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.PendingEntry;
import io.headpond.RequestId;
import io.headpond.RowType;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Letter;
import io.headpond.spi.Mutation;
import io.headpond.spi.Remembered;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.zip.GZIPInputStream;
import java.util.zip.GZIPOutputStream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The bytes of a journal as this version of the format and those before have them: what is written today is the same, and all can be read. A change
 * that breaks this breaks everybody's journal and needs another format version.
 *
 * <p>{@code -Djournal.golden=FOLDER} writes the file of this version there.
 */
class GoldenJournalTest {
  private static final int VERSION = SegmentHeader.FORMAT_VERSION;
  private static final RequestId REQUEST =
      new RequestId("6f9619ff-8b86-d011-b42d-00c04fc964ff", "Fingerabdruck-\u00fc");
  private static final RowType TYPE =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column("name", ColumnType.TEXT)
          .column("price", ColumnType.numeric(10, 2))
          .build();

  private final FixedEnvironment environment = new FixedEnvironment();

  @TempDir Path folder;

  private JournalStore open(RowType type, int partitions) {
    return JournalStore.in(folder)
        .segmentSize(64 << 10)
        .open(
            new HotStoreFactory.Settings(
                "golden", type, partitions, 100, 1 << 20, 100, Duration.ofHours(1), environment));
  }

  private Mutation put(JournalStore store, long id, String name, Durability durability) {
    Write write =
        new Write(
            TYPE.key(id),
            name == null ? null : TYPE.rowOf(name, new java.math.BigDecimal("1.50")),
            durability);
    return ((WriteOutcome.Written) environment.await(store.put(write))).mutation();
  }

  private static int partition(long id) {
    return TYPE.key(id).partition(2);
  }

  private byte[] write() throws IOException {
    JournalStore store = open(TYPE, 2);
    environment.await(store.open(0, 3, 0, false));
    environment.await(store.open(1, 4, 1_900_000_000_000_000L, false));
    put(store, 1, "one", Durability.DISK);
    Mutation two = put(store, 2, "zwei", Durability.JOURNAL);
    put(store, 3, null, Durability.JOURNAL);
    Mutation four = put(store, 4, "четыре", Durability.DISK);
    Mutation five = put(store, 5, "five", Durability.MEMORY);
    environment.await(store.take(partition(5), 9, TakeLimits.of(10)));
    environment.await(store.settle(partition(2), 9, List.of(two), 1_800_000_000_000_100L));
    environment.await(
        store.defer(
            partition(4),
            9,
            four,
            1_800_000_010_000_000L,
            2,
            new Failure(new DatabaseError(ErrorClass.VALUE, "22001", "zu lang"), 5)));
    environment.await(
        store.defer(
            partition(5),
            9,
            five,
            1_800_000_010_000_000L,
            3,
            new Failure(DatabaseError.of(ErrorClass.LOCKED, "besetzt"), 4)));
    environment.await(
        store.park(
            partition(5),
            9,
            five,
            4,
            new Failure(DatabaseError.of(ErrorClass.CONFLICT, "conflict"), 6)));
    Mutation staged = put(store, 6, "six", Durability.DATABASE);
    environment.await(store.take(partition(6), 9, TakeLimits.of(1)));
    environment.await(store.unstage(partition(6), 9, staged));
    Write asked =
        new Write(TYPE.key(7L), TYPE.rowOf("seven", null), Durability.DISK, false, null, REQUEST);
    environment.await(store.put(asked));
    store.close();
    return Files.readAllBytes(folder.resolve("golden").resolve(Segment.name(1)));
  }

  private static byte[] golden() throws IOException {
    return golden(VERSION);
  }

  private static String name(int version) {
    return "format-" + version + ".seg.gz";
  }

  private static byte[] golden(int version) throws IOException {
    try (InputStream in =
        GoldenJournalTest.class.getResourceAsStream("/journal/" + name(version))) {
      return new GZIPInputStream(in).readAllBytes();
    }
  }

  private void restore(byte[] bytes) throws IOException {
    Path journal = Files.createDirectories(folder.resolve("golden"));
    Files.write(journal.resolve(Segment.name(1)), bytes);
  }

  @Test
  void todaysBytesAreTheGoldenOnes() throws IOException {
    byte[] bytes = write();
    String target = System.getProperty("journal.golden");
    if (target != null) {
      try (var out = new GZIPOutputStream(Files.newOutputStream(Path.of(target, name(VERSION))))) {
        out.write(bytes);
      }
    }
    byte[] golden = golden();
    assertThat(Arrays.mismatch(bytes, golden)).as("first difference").isEqualTo(-1);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, VERSION})
  void theGoldenBytesAreRead(int version) throws IOException {
    restore(golden(version));
    boolean seven = version > 1;
    CheckReport report = JournalTool.check(folder.resolve("golden"));
    assertThat(report.sound()).isTrue();
    assertThat(report.closed()).isTrue();
    assertThat(report.pending()).isEqualTo(seven ? 4 : 3);
    assertThat(report.parked()).isEqualTo(1);
    assertThat(JournalTool.pending(folder.resolve("golden"))).isEqualTo(seven ? 5 : 4);
    JournalStore store = open(TYPE, 2);
    Remembered remembered = environment.await(store.request(REQUEST.id()));
    if (seven) {
      long version7 = environment.await(store.get(TYPE.key(7L))).version();
      assertThat(remembered)
          .isEqualTo(new Remembered(REQUEST, TYPE.key(7L), version7, environment.wallMicros()));
    } else {
      assertThat(remembered).isNull();
    }
    List<PendingEntry> entries =
        environment.await(pending(store)).entries().stream()
            .filter(entry -> !entry.key().equals("7"))
            .toList();
    assertThat(entries).extracting(PendingEntry::key).containsExactly("1", "3", "4", "5");
    assertThat(entries).extracting(PendingEntry::remove).containsExactly(false, true, false, false);
    assertThat(entries).extracting(PendingEntry::attempts).containsExactly(0, 0, 2, 4);
    assertThat(entries)
        .extracting(entry -> entry.error() == null ? null : entry.error().message())
        .containsExactly(null, null, "zu lang", "conflict");
    assertThat(entries.get(3).state()).isEqualTo(EntryState.PARKED);
    assertThat(entries.get(2).error())
        .isEqualTo(
            version < 3
                ? DatabaseError.of(ErrorClass.UNKNOWN, "zu lang")
                : new DatabaseError(ErrorClass.VALUE, "22001", "zu lang"));
    assertThat(entries.get(3).error()).isEqualTo(DatabaseError.of(ErrorClass.CONFLICT, "conflict"));
    assertThat(report.refused())
        .extracting(Object::toString)
        .containsExactlyInAnyOrder(
            "1 parked: conflict",
            version < 3 ? "1 tried again: unknown" : "1 tried again: value (SQLSTATE 22001)");
    Letter letter = environment.await(store.letter(TYPE.key(5L)));
    assertThat(letter.firstMicros()).isEqualTo(version < 3 ? 6 : 4);
    assertThat(letter.failure().micros()).isEqualTo(6);
    Key four = TYPE.key(4L);
    assertThat(environment.await(store.get(four)).row().get("name")).isEqualTo("четыре");
    assertThat(store.frontier(partition(2))).isEqualTo(1_800_000_000_000_100L);
    store.close();
  }

  private static java.util.concurrent.CompletionStage<io.headpond.PendingPage> pending(
      JournalStore store) {
    return store.pending("", null, 10);
  }

  @Test
  void anotherNumberOfPartitionsIsRefused() throws IOException {
    restore(golden());
    assertThatThrownBy(() -> open(TYPE, 3))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("partitions: 3")
        .hasMessageContaining("has 2");
  }

  /** An older release's journal is written again in today's form. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void whatAFormerVersionHeldIsWrittenAnew(int former) throws IOException {
    restore(golden(former));
    open(TYPE, 2).close();
    Path journal = folder.resolve("golden");
    assertThat(Files.exists(journal.resolve(Segment.name(1)))).isFalse();
    byte[] bytes = Files.readAllBytes(journal.resolve(Segment.name(2)));
    assertThat(java.nio.ByteBuffer.wrap(bytes).getInt(8)).isEqualTo(VERSION);
    assertThat(JournalTool.pending(journal)).isEqualTo(former == 1 ? 4 : 5);
  }

  private static byte[] ofVersion(int version) throws IOException {
    byte[] bytes = golden();
    java.nio.ByteBuffer.wrap(bytes).putInt(8, version);
    return stamped(bytes);
  }

  private static byte[] stamped(byte[] bytes) {
    java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
    crc.update(bytes, 0, 80 + 48);
    java.nio.ByteBuffer.wrap(bytes).putInt(80 + 48, (int) crc.getValue());
    return bytes;
  }

  @Test
  void aNewerVersionIsRefusedAndNotCalledDamage() throws IOException {
    byte[] newer = ofVersion(VERSION + 1);
    restore(newer);
    Path journal = folder.resolve("golden");
    List<ThrowingCallable> all =
        List.of(
            () -> open(TYPE, 2),
            () -> JournalTool.check(journal),
            () -> JournalTool.salvage(journal, folder.resolve("salvaged")));
    for (ThrowingCallable one : all) {
      assertThatThrownBy(one)
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining("format version " + (VERSION + 1))
          .hasMessageContaining("a newer release of Headpond has written it")
          .hasMessageContaining("Nothing was changed")
          .hasMessageNotContaining("damaged");
    }
    assertThat(Files.readAllBytes(journal.resolve(Segment.name(1)))).isEqualTo(newer);
  }

  @Test
  void aVersionThatNoReleaseWritesIsRefused() throws IOException {
    restore(ofVersion(0));
    assertThatThrownBy(() -> open(TYPE, 2))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("format version 0")
        .hasMessageContaining("no release of Headpond writes such a version");
  }

  @Test
  void aVersionThatTheChecksumDoesNotCoverIsDamage() throws IOException {
    byte[] bytes = golden();
    bytes[11] ^= 4;
    restore(bytes);
    assertThatThrownBy(() -> open(TYPE, 2))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("the journal is damaged")
        .hasMessageContaining("or is damaged");
  }

  @Test
  void otherKeysAreRefused() throws IOException {
    byte[] bytes = golden();
    bytes[55] = 2;
    restore(stamped(bytes));
    assertThatThrownBy(() -> open(TYPE, 2))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("keys of version 2");
  }

  @Test
  void aSegmentSizeTooSmallForWhatIsPendingIsRefused() {
    HotStoreFactory.Settings settings =
        new HotStoreFactory.Settings(
            "large", TYPE, 2, 100, 1 << 20, 100, Duration.ofHours(1), environment);
    JournalStore large = JournalStore.in(folder).segmentSize(1 << 20).open(settings);
    put(large, 1, "x".repeat(100_000), Durability.DISK);
    large.close();
    assertThatThrownBy(() -> JournalStore.in(folder).segmentSize(64 << 10).open(settings))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("segmentSize: 65536");
    JournalStore again = JournalStore.in(folder).segmentSize(2 << 20).open(settings);
    assertThat(again.stats(partition(1)).pending()).isEqualTo(1);
    again.close();
  }
}
