package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.OverloadedException;
import io.headpond.RequestId;
import io.headpond.UnavailableException;
import io.headpond.journal.JournalStore;
import io.headpond.journal.JournalTool;
import io.headpond.journal.SalvageReport;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Remembered;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.slf4j.LoggerFactory;

/** What the journal keeps of requests: with their writes or not at all, for a day, and not longer. */
class JournalRequestsTest {
  private static final Logger LOG = (Logger) LoggerFactory.getLogger("io.headpond.journal");
  private static final Duration DAY = Duration.ofHours(RequestId.KEPT_HOURS);

  /** Thousands of stores die here, and each says so. */
  @BeforeAll
  static void keepQuiet() {
    LOG.setLevel(Level.OFF);
  }

  @AfterAll
  static void speakAgain() {
    LOG.setLevel(null);
  }

  private final JournalFixture fixture = new JournalFixture();

  private static Write asking(String id, String name, Durability durability, String request) {
    return new Write(
        JournalFixture.key(id),
        JournalFixture.row(name),
        durability,
        false,
        null,
        new RequestId(request, "body of " + request));
  }

  private Mutation ask(String id, String name, Durability durability, String request) {
    WriteOutcome outcome = fixture.await(fixture.store.put(asking(id, name, durability, request)));
    return ((WriteOutcome.Written) outcome).mutation();
  }

  private Remembered remembered(String request) {
    return fixture.await(fixture.store.request(request));
  }

  // Crashes

  /** What a test knows of a request; its value is no other's. */
  private static final class Asked {
    final Write write;

    /** Its version, if it was answered so that it must be remembered. */
    long kept;

    /** How often it was answered as carried out. */
    int done;

    Asked(Write write) {
      this.write = write;
    }
  }

  private final Map<String, Asked> asked = new LinkedHashMap<>();

  /** Values that were offered to the database. */
  private final Set<String> offered = new HashSet<>();

  /** By key, the highest version that may have been settled. */
  private final Map<Key, Long> settled = new HashMap<>();

  /** A random history that dies at a random change of the disk, over and over, and whose requests are then sent again. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void aRequestIsThereWithItsWriteOrNotAtAll(boolean power) {
    int repeats = 0;
    int again = 0;
    for (long seed = 0; seed < 200; seed++) {
      Random random = new Random(seed);
      asked.clear();
      offered.clear();
      settled.clear();
      fixture.restart(new SimulatedDisk());
      for (int life = 0; life < 4; life++) {
        live(random, power);
        crash(random, power);
        String when = "seed " + seed + ", life " + life;
        for (Asked of : asked.values()) {
          if (check(when, of, power)) {
            repeats++;
          } else {
            again++;
          }
        }
      }
    }
    assertThat(repeats).isGreaterThan(1_000);
    assertThat(again).isGreaterThan(100);
  }

  private void live(Random random, boolean power) {
    fixture.disk.crashAt(fixture.disk.operations() + random.nextInt(100));
    try {
      fixture.await(fixture.store.open(0, 1, 0, false));
      for (int i = 0; i < 200; i++) {
        step(random, power);
      }
    } catch (UnavailableException | OutcomeUnknownException e) {
      // The process has died.
    }
  }

  private void step(Random random, boolean power) {
    int what = random.nextInt(12);
    if (what < 7) {
      Durability durability = what % 2 == 0 ? Durability.DISK : Durability.JOURNAL;
      String request = "r" + asked.size();
      String value = (what == 0 ? JournalFixture.LONG : "v") + request;
      Asked of = new Asked(asking("k" + random.nextInt(6), value, durability, request));
      asked.put(request, of);
      send(of, power);
    } else if (what == 7) {
      fixture.put("k" + random.nextInt(6), "without", Durability.values()[random.nextInt(3)]);
    } else if (what < 10) {
      Taken taken = fixture.take(1 + random.nextInt(4));
      taken.mutations().forEach(mutation -> offered.add(value(mutation)));
      if (random.nextInt(4) > 0) {
        taken
            .mutations()
            .forEach(mutation -> settled.merge(mutation.key(), mutation.version(), Math::max));
        fixture.settle(taken.frontier(), taken.mutations().toArray(new Mutation[0]));
      }
    } else {
      fixture.environment.step();
    }
  }

  private static String value(Mutation mutation) {
    return mutation instanceof Mutation.Put put ? String.valueOf(put.row().get("name")) : "";
  }

  private void send(Asked of, boolean power) {
    WriteOutcome outcome = fixture.await(fixture.store.put(of.write));
    long version;
    if (outcome instanceof WriteOutcome.Repeated repeated) {
      version = repeated.earlier().version();
    } else {
      version = ((WriteOutcome.Written) outcome).mutation().version();
      of.done++;
    }
    if (of.write.durability() == Durability.DISK || !power) {
      of.kept = version;
    }
  }

  private void crash(Random random, boolean power) {
    SimulatedDisk after = power ? fixture.disk.losePower(random.nextLong()) : fixture.disk;
    after = power ? after : after.crashProcess();
    // Half of the recoveries die as well, at any change.
    for (int i = 0; i < 3 && random.nextBoolean(); i++) {
      after.crashAt(after.operations() + random.nextInt(15));
      fixture.environment.forgetTasks();
      try {
        fixture.open(after);
      } catch (ConfigurationException e) {
        assertThat(e).hasMessageContaining("cannot be opened");
      }
      after = power ? after.losePower(random.nextLong()) : after.crashProcess();
    }
    fixture.restart(after);
  }

  /** Returns whether it is remembered. It is sent again in either case. */
  private boolean check(String when, Asked of, boolean power) {
    String id = of.write.request().id();
    String value = String.valueOf(of.write.row().get("name"));
    Remembered remembered = remembered(id);
    Lookup now = fixture.await(fixture.store.get(of.write.key()));
    boolean there = now.row() != null && value.equals(now.row().get("name"));
    if (remembered == null) {
      assertThat(of.kept).as(when + ": " + id + " was answered and is forgotten").isZero();
      assertThat(there).as(when + ": " + id + " was forgotten, not its write").isFalse();
      assertThat(offered.contains(value)).as(when + ": forgotten, yet flushed").isFalse();
      // Whatever was answered before has gone with the write.
      of.done = 0;
    } else {
      assertThat(remembered.request()).isEqualTo(of.write.request());
      assertThat(remembered.key()).isEqualTo(of.write.key());
      assertThat(of.kept).as(when).isIn(0L, remembered.version());
      if (now.miss()) {
        assertThat(settled.getOrDefault(of.write.key(), 0L))
            .as(when + ": " + id + " is remembered, its write is gone")
            .isGreaterThanOrEqualTo(remembered.version());
      } else {
        assertThat(now.version()).as(when).isGreaterThanOrEqualTo(remembered.version());
        assertThat(there).as(when).isEqualTo(now.version() == remembered.version());
      }
      of.kept = remembered.version();
      of.done = 1;
    }
    send(of, power);
    assertThat(of.done).as(when + ": " + id + " is done once").isEqualTo(1);
    return remembered != null;
  }

  @Test
  void aTornGroupHoldsNeither() {
    fixture.put("before", "x");
    ask("a", "1", Durability.JOURNAL, "r");
    byte[] good = fixture.disk.contents(JournalFixture.segment(1));
    List<Integer> groups = JournalFixture.groups(good);
    int torn = 0;
    for (int at = groups.get(groups.size() - 2); at < JournalFixture.end(good); at++) {
      byte[] bad = good.clone();
      Arrays.fill(bad, at, bad.length, (byte) 0);
      SimulatedDisk copy = fixture.disk.copy();
      copy.put(JournalFixture.segment(1), bad);
      fixture.environment.forgetTasks();
      HotStore store = fixture.open(copy);
      boolean entry = !fixture.await(store.get(JournalFixture.key("a"))).miss();
      assertThat(fixture.await(store.request("r")) != null).as("byte %s", at).isEqualTo(entry);
      torn += entry ? 0 : 1;
    }
    assertThat(torn).isGreaterThan(50);
  }

  // Durability of the answer

  @Test
  void aRepeatedRequestAtDiskIsAnsweredWhenTheFirstIsThere() {
    ask("a", "1", Durability.JOURNAL, "r");
    CompletionStage<WriteOutcome> atJournal =
        fixture.store.put(asking("a", "1", Durability.JOURNAL, "r"));
    assertThat(atJournal.toCompletableFuture()).isCompleted();
    CompletionStage<WriteOutcome> atDisk =
        fixture.store.put(asking("a", "1", Durability.DISK, "r"));
    assertThat(atDisk.toCompletableFuture()).isNotDone();
    assertThat(fixture.await(atDisk)).isInstanceOf(WriteOutcome.Repeated.class);
    survivesTheLossOfPower();
  }

  @Test
  void whoLearnsOfARequestCanRelyOnIt() {
    ask("a", "1", Durability.JOURNAL, "r");
    assertThat(remembered("r")).isNotNull();
    survivesTheLossOfPower();
  }

  private void survivesTheLossOfPower() {
    for (int seed = 0; seed < 30; seed++) {
      fixture.environment.forgetTasks();
      HotStore store = fixture.open(fixture.disk.copyWithHistory().losePower(seed));
      assertThat(fixture.await(store.request("r"))).as("seed %s", seed).isNotNull();
      assertThat(fixture.await(store.get(JournalFixture.key("a"))).miss()).isFalse();
    }
  }

  @Test
  void whoWaitsForAForceThatFailsDoesNotLearnOfTheRequest() {
    CompletionStage<WriteOutcome> first = fixture.store.put(asking("a", "1", Durability.DISK, "r"));
    CompletionStage<WriteOutcome> again = fixture.store.put(asking("a", "1", Durability.DISK, "r"));
    CompletionStage<Remembered> asked = fixture.store.request("r");
    fixture.disk.failForces(true);
    for (CompletionStage<?> stage : List.of(first, again, asked)) {
      assertThatThrownBy(() -> fixture.await(stage)).isInstanceOf(OutcomeUnknownException.class);
    }
    assertThatThrownBy(() -> remembered("r")).isInstanceOf(OutcomeUnknownException.class);
    assertThatThrownBy(() -> ask("a", "1", Durability.DISK, "r"))
        .isInstanceOf(UnavailableException.class);
  }

  @Test
  void aRequestWhoseAppendFailedIsNeitherDoneNorUndone() {
    fixture.environment.run();
    fixture.disk.failWrites(true);
    assertThatThrownBy(() -> ask("a", "1", Durability.JOURNAL, "r"))
        .isInstanceOf(OutcomeUnknownException.class);
    assertThatThrownBy(() -> remembered("r")).isInstanceOf(OutcomeUnknownException.class);
    assertThat(remembered("s")).isNull();
  }

  @Test
  void aRequestThatFoundNoRoomOnTheDiskIsNotRemembered() {
    fixture.environment.run();
    fixture.disk.capacity(2L * JournalFixture.SEGMENT);
    for (int i = 0; ; i++) {
      try {
        fixture.put("k" + i, JournalFixture.LONG);
        fixture.environment.run();
      } catch (UnavailableException e) {
        break;
      }
    }
    assertThatThrownBy(() -> ask("a", JournalFixture.LONG, Durability.DISK, "r"))
        .isInstanceOf(UnavailableException.class)
        .hasMessageContaining("disk is full");
    assertThat(remembered("r")).isNull();
    fixture.disk.capacity(Long.MAX_VALUE);
    fixture.environment.advance(Duration.ofSeconds(2));
    ask("a", JournalFixture.LONG, Durability.DISK, "r");
  }

  // The limit

  private HotStore limited(long maxRequestBytes) {
    fixture.environment.run();
    fixture.disk = fixture.disk.crashProcess();
    fixture.environment.forgetTasks();
    fixture.store =
        JournalStore.on(fixture.disk)
            .segmentSize(JournalFixture.SEGMENT)
            .maxRequestBytes(maxRequestBytes)
            .open(
                new HotStoreFactory.Settings(
                    "things",
                    JournalFixture.TYPE,
                    1,
                    1_000,
                    1 << 20,
                    100,
                    Duration.ofHours(1),
                    fixture.environment));
    return fixture.store;
  }

  private int fill() {
    for (int i = 0; ; i++) {
      try {
        ask("a", "v" + i, Durability.JOURNAL, "r" + i);
      } catch (OverloadedException e) {
        assertThat(remembered("r" + i)).isNull();
        return i;
      }
    }
  }

  @Test
  void atTheLimitARequestIsRefusedAndNoneIsForgotten() {
    limited(10_000);
    int first = fill();
    // 24 fixed bytes, 1 of the key, 2 or 3 of the id and as many with 8 more of the fingerprint,
    // 256 besides.
    assertThat(first).isBetween(33, 35);
    fixture.environment.advance(Duration.ofHours(1));
    assertThatThrownBy(() -> ask("b", "new", Durability.DISK, "new"))
        .isInstanceOfSatisfying(
            OverloadedException.class,
            e -> assertThat(e.retryAfter()).isEqualTo(Duration.ofHours(23)))
        .hasMessageContaining("had " + first)
        .hasMessageContaining("10000 bytes (maxRequestBytes)")
        .hasMessageContaining("forgotten in 82800 s");
    assertThat(fixture.await(fixture.store.get(JournalFixture.key("b"))).miss()).isTrue();
    // Neither what is known nor what needs no memory is concerned.
    fixture.put("b", "without");
    assertThat(fixture.await(fixture.store.put(asking("a", "v0", Durability.DISK, "r0"))))
        .isInstanceOf(WriteOutcome.Repeated.class);
    for (int i = 0; i < first; i++) {
      assertThat(remembered("r" + i)).isNotNull();
    }
  }

  @Test
  void expiredRequestsMakeRoom() {
    limited(10_000);
    int first = fill();
    fixture.environment.advance(DAY);
    assertThat(fill()).isEqualTo(first);
    assertThat(fixture.store.stats(0).pending()).isEqualTo(1);
  }

  @Test
  void ofWhatWasNotDoneNoRoomIsKept() {
    limited(10_000);
    for (int i = 0; i < 100; i++) {
      Write expecting =
          new Write(
              JournalFixture.key("a"),
              JournalFixture.row("x"),
              Durability.DISK,
              false,
              new io.headpond.spi.Expected(5, 0),
              new RequestId("e" + i, "body of e" + i));
      assertThat(fixture.await(fixture.store.put(expecting)))
          .isInstanceOf(WriteOutcome.Mismatch.class);
    }
    assertThat(fill()).isGreaterThan(30);
  }

  @Test
  void aLowerLimitForgetsNothing() {
    limited(10_000);
    int first = fill();
    limited(4_096);
    for (int i = 0; i < first; i++) {
      assertThat(remembered("r" + i)).isNotNull();
    }
    assertThatThrownBy(() -> ask("a", "x", Durability.DISK, "x"))
        .isInstanceOf(OverloadedException.class);
  }

  @Test
  void aLimitTooSmallIsRefused() {
    assertThatThrownBy(() -> JournalStore.on(fixture.disk).maxRequestBytes(4_095))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining("maxRequestBytes: 4095");
  }

  // Clocks

  /** Whatever looks at the requests while the clock is wrong. */
  private void lookWhileTheClockIsAhead(Duration by) {
    long now = fixture.environment.wallMicros();
    fixture.environment.setWallMicros(now + by.toNanos() / 1_000);
    ask("other", "x", Durability.DISK, "other " + by + fixture.environment.nanos());
    remembered("none");
    // A settlement that empties a segment wakes whoever lets go of it.
    for (int i = 0; i < 20; i++) {
      fixture.settle(fixture.put("long", JournalFixture.LONG));
    }
    fixture.environment.run();
    fixture.environment.setWallMicros(now);
  }

  private boolean isDoneAgain(String request) {
    WriteOutcome outcome =
        fixture.await(fixture.store.put(asking("a", "1", Durability.DISK, request)));
    return outcome instanceof WriteOutcome.Written;
  }

  @Test
  void aClockThatJumpsAheadForgetsNoRequest() {
    ask("a", "1", Durability.DISK, "r");
    fixture.environment.advance(Duration.ofMinutes(1));
    lookWhileTheClockIsAhead(Duration.ofHours(25));
    assertThat(isDoneAgain("r")).isFalse();
    fixture.environment.advance(DAY.minusMinutes(2));
    assertThat(isDoneAgain("r")).isFalse();
    fixture.environment.advance(Duration.ofMinutes(1));
    assertThat(isDoneAgain("r")).isTrue();
  }

  @Test
  void aClockThatJumpsAheadForgetsNoRequestOfAnEarlierProcess() {
    ask("a", "1", Durability.DISK, "r");
    fixture.environment.advance(Duration.ofHours(20));
    fixture.restart(fixture.disk.crashProcess());
    lookWhileTheClockIsAhead(Duration.ofHours(25));
    assertThat(isDoneAgain("r")).isFalse();
    fixture.environment.advance(Duration.ofHours(3));
    lookWhileTheClockIsAhead(Duration.ofDays(400));
    assertThat(isDoneAgain("r")).isFalse();
    // As old as it was when the process began, and with the age of the process.
    fixture.environment.advance(Duration.ofHours(1));
    assertThat(isDoneAgain("r")).isTrue();
  }

  @Test
  void aClockThatIsSetBackForgetsNoRequest() {
    ask("a", "1", Durability.DISK, "r");
    long now = fixture.environment.wallMicros();
    fixture.environment.setWallMicros(now - DAY.toNanos() / 1_000);
    ask("a", "2", Durability.DISK, "s");
    fixture.environment.setWallMicros(now + 1_000_000);
    assertThat(isDoneAgain("s")).isFalse();
    assertThat(isDoneAgain("r")).isFalse();
    fixture.environment.advance(DAY);
    assertThat(isDoneAgain("s")).isTrue();
    assertThat(isDoneAgain("r")).isTrue();
  }

  @Test
  void atTheLimitARefusalTellsTheTimeThatBothClocksAsk() {
    limited(10_000);
    fill();
    fixture.environment.advance(Duration.ofHours(1));
    fixture.environment.setWallMicros(
        fixture.environment.wallMicros() + Duration.ofHours(25).toNanos() / 1_000);
    assertThatThrownBy(() -> ask("b", "new", Durability.DISK, "new"))
        .isInstanceOfSatisfying(
            OverloadedException.class,
            e -> assertThat(e.retryAfter()).isEqualTo(Duration.ofHours(23)));
  }

  // What fails before the append

  /** The random numbers of the system fail once, after the id was claimed and the room counted. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whatFailsBeforeTheAppendLeavesNothing(boolean error) {
    fixture.environment.forgetTasks();
    FailingEnvironment environment = new FailingEnvironment(fixture.environment);
    fixture.store =
        JournalStore.on(fixture.disk.crashProcess())
            .segmentSize(JournalFixture.SEGMENT)
            .open(
                new HotStoreFactory.Settings(
                    "things",
                    JournalFixture.TYPE,
                    1,
                    2,
                    1 << 20,
                    100,
                    Duration.ofHours(1),
                    environment));
    fixture.await(fixture.store.open(0, 1, 0, false));
    for (Durability durability :
        List.of(Durability.JOURNAL, Durability.DISK, Durability.MEMORY, Durability.DATABASE)) {
      boolean journaled = durability == Durability.JOURNAL || durability == Durability.DISK;
      Write write =
          journaled
              ? asking("a", "1", durability, "r" + durability)
              : new Write(JournalFixture.key("b"), JournalFixture.row("1"), durability);
      Throwable failure = error ? new StackOverflowError() : new IllegalStateException("once");
      environment.failNext(failure);
      assertThatThrownBy(() -> fixture.store.put(write)).isSameAs(failure);
      assertThat(fixture.store.pendingEntries()).isZero();
      assertThat(remembered("r" + durability)).isNull();
      WriteOutcome outcome = fixture.await(fixture.store.put(write));
      assertThat(outcome).isInstanceOf(WriteOutcome.Written.class);
      fixture.settle(((WriteOutcome.Written) outcome).mutation());
      assertThat(fixture.store.pendingEntries()).isZero();
    }
  }

  // Segments

  @Test
  void aDayOfRequestsDoesNotKeepTheJournal() {
    for (int i = 0; i < 200; i++) {
      fixture.settle(ask("k" + i, "x", Durability.DISK, "early" + i));
    }
    long most = 0;
    for (int i = 0; i < 600; i++) {
      fixture.environment.advance(Duration.ofSeconds(100));
      String request = i % 10 == 0 ? "r" + i : null;
      Mutation write =
          request == null
              ? fixture.put("k" + i % 7, JournalFixture.LONG)
              : ask("k" + i % 7, JournalFixture.LONG, Durability.DISK, request);
      fixture.settle(write);
      fixture.environment.run();
      most = Math.max(most, JournalFixture.segments(fixture.disk).size());
    }
    // 260 requests of about 300 bytes with what they count besides need two segments.
    assertThat(most).isLessThanOrEqualTo(7);
    assertThat(JournalFixture.newest(fixture.disk)).isGreaterThan(80);
    for (int life = 0; life < 2; life++) {
      for (int i = 0; i < 200; i++) {
        assertThat(remembered("early" + i)).as("early %s", i).isNotNull();
      }
      for (int i = 0; i < 600; i += 10) {
        assertThat(remembered("r" + i)).isNotNull();
      }
      fixture.restart(fixture.disk.losePower(life));
    }
    assertThat(fixture.store.stats(0).pending()).isZero();
  }

  /** They fill more segments than a journal has before it is tidied up, and none of them can go. */
  @Test
  void whatIsNeededIsNotRewrittenForEver() {
    // Who rewrites for ever meets the end of the disk.
    fixture.disk.crashAt(100_000);
    for (int i = 0; i < 12_000; i++) {
      fixture.settle(ask("k", "x", Durability.JOURNAL, "r" + i));
      fixture.environment.run();
    }
    assertThat(JournalFixture.segments(fixture.disk)).hasSizeGreaterThan(15);
    assertThat(JournalFixture.segments(fixture.disk).get(0)).isEqualTo(1);
    fixture.restart(fixture.disk.crashProcess());
    assertThat(JournalFixture.segments(fixture.disk)).hasSizeLessThan(15);
    for (int i = 0; i < 12_000; i++) {
      assertThat(remembered("r" + i)).isNotNull();
    }
  }

  /** What is needed of each segment is too much to be written again without the room of another one. */
  @Test
  void segmentsWithManyRequestsAreRewrittenToo() {
    String longest = "y".repeat(240);
    fixture.disk.crashAt(50_000);
    for (int i = 0; i < 1_000; i++) {
      fixture.settle(ask("k", "x".repeat(3_000), Durability.JOURNAL, longest + i));
      fixture.environment.run();
    }
    // 55 segments were written, of which their requests need 9.
    assertThat(JournalFixture.newest(fixture.disk)).isGreaterThan(50);
    assertThat(JournalFixture.segments(fixture.disk)).hasSizeLessThan(42);
    assertThat(JournalFixture.segments(fixture.disk).get(0)).isGreaterThan(10);
    fixture.restart(fixture.disk.crashProcess());
    for (int i = 0; i < 1_000; i++) {
      assertThat(remembered(longest + i)).isNotNull();
    }
  }

  @Test
  void aWriteAndItsRequestFitIntoOneGroup() {
    String longest = "y".repeat(255);
    int most = 0;
    for (int length = JournalFixture.SEGMENT / 8; most == 0; length += 8) {
      try {
        fixture.put("a", "x".repeat(length), Durability.JOURNAL);
      } catch (InvalidValueException e) {
        most = length - 8;
      }
    }
    int fits = most;
    assertThatThrownBy(() -> ask("a", "x".repeat(fits), Durability.JOURNAL, longest.substring(9)))
        .isInstanceOf(InvalidValueException.class)
        .hasMessageContaining("fit into a segment");
    // The record: 24 bytes, the key, the id, and the fingerprint that is 8 longer.
    ask("a", "x".repeat(fits - 24 - 1 - 246 - 254), Durability.JOURNAL, longest.substring(9));
  }

  @Test
  void whenTheDayIsOverTheirSegmentsGo() {
    for (int i = 0; i < 30; i++) {
      fixture.settle(ask("k" + i, JournalFixture.LONG, Durability.DISK, "r" + i));
      fixture.environment.run();
    }
    assertThat(JournalFixture.segments(fixture.disk)).hasSizeGreaterThan(3);
    fixture.environment.advance(DAY);
    for (int i = 0; i < 15; i++) {
      fixture.settle(fixture.put("k" + i, JournalFixture.LONG));
      fixture.environment.run();
    }
    assertThat(JournalFixture.segments(fixture.disk)).hasSizeLessThanOrEqualTo(2);
    assertThat(JournalFixture.segments(fixture.disk).get(0)).isGreaterThan(5);
  }

  @Test
  void expiredRequestsAreNotRecovered() {
    for (int i = 0; i < 30; i++) {
      ask("a", "v" + i, Durability.DISK, "r" + i);
    }
    fixture.environment.advance(DAY);
    fixture.restart(fixture.disk.crashProcess());
    fixture.store.close();
    byte[] segment = fixture.disk.contents(JournalFixture.segment(2));
    assertThat(new String(segment, java.nio.charset.StandardCharsets.ISO_8859_1))
        .doesNotContain("body of r")
        .contains("v29");
  }

  /** Requests that cannot be settled stand in each segment; those that are, must make room all the same. */
  @Test
  void onAFullDiskRequestsDoNotKeepWhatSettlementsFree() {
    fixture.environment.run();
    fixture.disk.capacity(4L * JournalFixture.SEGMENT);
    for (int i = 0; i < 300; i++) {
      fixture.settle(ask("k" + i % 5, JournalFixture.LONG, Durability.DISK, "r" + i));
      fixture.environment.advance(Duration.ofSeconds(1));
    }
    fixture.disk.capacity(Long.MAX_VALUE);
    fixture.restart(fixture.disk.losePower(3));
    for (int i = 0; i < 300; i++) {
      assertThat(remembered("r" + i)).isNotNull();
    }
  }

  /** Whatever the moment: what is rewritten is never forgotten, and nothing that was is kept. */
  @Test
  void requestsAreRewrittenWhateverTheMomentOfACrash() {
    int dropped = 0;
    for (int at = 0; at < 80; at++) {
      JournalFixture one = new JournalFixture();
      one.environment.run();
      for (int i = 0; i < 45; i++) {
        Write write =
            i % 9 == 0
                ? asking("k", JournalFixture.LONG, Durability.DISK, "r" + i)
                : new Write(
                    JournalFixture.key("k"),
                    JournalFixture.row(JournalFixture.LONG),
                    Durability.JOURNAL);
        one.settle(((WriteOutcome.Written) one.await(one.store.put(write))).mutation());
      }
      long oldest = JournalFixture.segments(one.disk).get(0);
      one.disk.crashAt(one.disk.operations() + at);
      one.environment.run();
      SimulatedDisk after = at % 2 == 0 ? one.disk.crashProcess() : one.disk.losePower(at);
      dropped += JournalFixture.segments(after).get(0) > oldest ? 1 : 0;
      one.restart(after);
      for (int i = 0; i < 45; i += 9) {
        assertThat(one.await(one.store.request("r" + i))).as("operation %s", at).isNotNull();
      }
    }
    assertThat(dropped).isGreaterThan(10);
  }

  // Tools

  @Test
  void salvageKeepsTheRequestsOfTheDay() {
    // The tools go by the real clock.
    long now = System.currentTimeMillis() * 1_000;
    fixture.environment.setWallMicros(now - DAY.toNanos() / 1_000 - 60_000_000L);
    ask("a", "1", Durability.DISK, "yesterday's");
    fixture.environment.setWallMicros(now);
    fixture.settle(ask("b", "1", Durability.DISK, "settled"));
    Mutation hit = ask("c", "1", Durability.DISK, "hit");
    ask("d", "1", Durability.DISK, "last");
    assertThat(JournalTool.check(fixture.disk.copy()).requests()).isEqualTo(3);
    assertThat(JournalTool.pending(fixture.disk.copy())).isEqualTo(3);
    SimulatedDisk bad = fixture.disk.copy();
    byte[] segment = bad.contents(JournalFixture.segment(1));
    List<Integer> groups = JournalFixture.groups(segment);
    segment[groups.get(groups.size() - 3) + 20] ^= 1;
    SimulatedDisk target = new SimulatedDisk();
    SalvageReport report = JournalTool.salvage(bad, target);
    assertThat(report.requests()).isEqualTo(2);
    assertThat(report.writesMayBeMissing()).isTrue();
    fixture.restart(target);
    assertThat(remembered("yesterday's")).isNull();
    assertThat(remembered("settled")).isNotNull();
    assertThat(remembered("last")).isNotNull();
    assertThat(remembered("hit")).isNull();
    assertThat(fixture.await(fixture.store.get(hit.key())).miss()).isTrue();
  }

  @Test
  void aRequestIsClaimedOnlyWhileItIsCarriedOut() {
    CompletableFuture<WriteOutcome> first =
        fixture.store.put(asking("a", "1", Durability.DISK, "r")).toCompletableFuture();
    assertThat(first).isNotDone();
    // It is in the journal: as durable as this one asks for.
    CompletableFuture<WriteOutcome> second =
        fixture.store.put(asking("a", "1", Durability.JOURNAL, "r")).toCompletableFuture();
    assertThat(second.join()).isInstanceOf(WriteOutcome.Repeated.class);
    assertThat(fixture.await(first)).isInstanceOf(WriteOutcome.Written.class);
  }
}
