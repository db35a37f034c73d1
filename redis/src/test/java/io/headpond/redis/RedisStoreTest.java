package io.headpond.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.DatabaseError;
import io.headpond.DeadLetterFilter;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.OverloadedException;
import io.headpond.PendingEntry;
import io.headpond.PendingPage;
import io.headpond.RequestConflictException;
import io.headpond.RequestId;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestServer;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStoreFactory.Settings;
import io.headpond.spi.Letter;
import io.headpond.spi.Mutation;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.testkit.ManualEnvironment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What is particular to the store on Redis. */
class RedisStoreTest {
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.TEXT).column("text", ColumnType.TEXT).build();
  private static final RowType SHOPS =
      RowType.builder()
          .key("shop", ColumnType.TEXT)
          .key("id", ColumnType.INTEGER)
          .column("text", ColumnType.TEXT)
          .build();
  private static final Failure FAILURE =
      new Failure(DatabaseError.of(ErrorClass.VALUE, "value too long"), 7);

  private final ManualEnvironment environment = new ManualEnvironment();
  private final StoreFixture fixture = new StoreFixture(Target.one(ServerBinary.REDIS_6_2));
  private final TestServer server = fixture.server();
  private final List<RedisStore> opened = new ArrayList<>();

  @AfterEach
  void close() {
    opened.forEach(RedisStore::close);
  }

  private Settings settings(RowType type, int partitions, int entries, @Nullable String tenant) {
    return new Settings(
        "things",
        type,
        partitions,
        entries,
        1 << 20,
        0,
        Duration.ofMinutes(10),
        10,
        tenant,
        environment);
  }

  private RedisStore open(Settings settings) {
    RedisStore store = fixture.factory().open(settings);
    opened.add(store);
    for (int i = 0; i < settings.partitions(); i++) {
      await(store.open(i, 1, 0, false));
    }
    return store;
  }

  private RedisStore open() {
    return open(settings(TYPE, 1, 1_000, null));
  }

  private <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return StoreFixture.await(environment, stage);
  }

  private static Write write(String id, String text) {
    return new Write(TYPE.key(id), TYPE.rowOf(text), Durability.DISK);
  }

  private Mutation put(RedisStore store, String id, String text) {
    return ((WriteOutcome.Written) await(store.put(write(id, text)))).mutation();
  }

  private String partition() {
    return fixture.prefix + ":{things:0}";
  }

  // What a person sees

  @Test
  void anEntryBeginsWithWhatAPersonCanRead() {
    RedisStore store = open();
    Mutation a = put(store, "a/b c", "one");
    assertThat((String) server.call("GET", partition() + ":entry:a/b c"))
        .startsWith(
            "RV %d %016x %d ".formatted(a.version(), a.writeId(), a.version()).stripTrailing())
        .endsWith("one");
    assertThat(server.call("ZRANGE", partition() + ":ready", "0", "-1"))
        .isEqualTo(List.of("a/b c"));
    await(store.park(0, 1, a, 4, FAILURE));
    assertThat(server.call("ZRANGE", partition() + ":parked", "0", "-1"))
        .isEqualTo(List.of("a/b c"));
    assertThat((String) server.call("HGET", partition() + ":refused", "a/b c"))
        .contains("\"message\":\"value too long\"", "\"attempts\":4");
  }

  // Keys that somebody else has written

  @Test
  void aKeyThatIsNoneOfOursIsAnErrorOfItsOwnWriteAlone() {
    RedisStore store = open();
    server.call("RPUSH", partition() + ":entry:list", "x");
    server.call("SET", partition() + ":entry:text", "hello");
    List<CompletionStage<WriteOutcome>> stages = new ArrayList<>();
    for (String id : List.of("a", "list", "b", "text", "c")) {
      stages.add(store.put(write(id, "1")));
    }
    for (int i : List.of(0, 2, 4)) {
      assertThat(await(stages.get(i))).isInstanceOf(WriteOutcome.Written.class);
    }
    assertThatThrownBy(() -> await(stages.get(1)))
        .isInstanceOf(UnavailableException.class)
        .hasMessageContaining(":entry:list holds a list");
    assertThatThrownBy(() -> await(stages.get(3)))
        .isInstanceOf(UnavailableException.class)
        .hasMessageContaining(":entry:text holds a string");
    assertThatThrownBy(() -> await(store.get(TYPE.key("text"))))
        .isInstanceOf(UnavailableException.class)
        .hasMessageContaining("text");
    assertThat(server.call("GET", partition() + ":entry:text")).isEqualTo("hello");
    assertThat(await(store.take(0, 1, TakeLimits.of(9))).mutations()).hasSize(3);
  }

  @Test
  void aPartitionThatSomebodyElseHasWrittenOverTakesNothing() {
    RedisStore store = open();
    Mutation a = put(store, "a", "1");
    for (String key : List.of(":ready", ":deferred", ":parked", ":conflicts", ":staged")) {
      String there = (String) server.call("TYPE", partition() + key);
      if (there.equals("none")) {
        server.call("SET", partition() + key, "hello");
      } else {
        server.call("RENAME", partition() + key, "away");
        server.call("SET", partition() + key, "hello");
      }
      assertThatThrownBy(() -> await(store.put(write("b", "1"))))
          .isInstanceOf(UnavailableException.class)
          .hasMessageContaining(partition() + key + " holds a string");
      server.call("DEL", partition() + key);
      if (!there.equals("none")) {
        server.call("RENAME", "away", partition() + key);
      }
    }
    for (String key : List.of(":refused", ":staged:rows", ":tenants", ":deferred:since")) {
      server.call("SET", partition() + key, "hello");
      assertThatThrownBy(() -> await(store.settle(0, 1, List.of(a), 9)))
          .isInstanceOf(UnavailableException.class)
          .hasMessageContaining(partition() + key + " holds a string");
      server.call("DEL", partition() + key);
    }
    assertThat(await(store.get(TYPE.key("b"))).miss()).isTrue();
    assertThat(await(store.take(0, 1, TakeLimits.of(9))).mutations()).containsExactly(a);
    Audit.check(server, partition(), false);
  }

  @Test
  void aValueThatSomebodyHasDeletedIsOwedNoMore() {
    RedisStore store = open();
    put(store, "a", "1");
    Mutation b = put(store, "b", "1");
    server.call("DEL", partition() + ":entry:a");
    assertThat(await(store.take(0, 1, TakeLimits.of(9))).mutations()).containsExactly(b);
    await(store.settle(0, 1, List.of(b), 9));
    assertThat(await(store.horizon(0)).stats())
        .returns(0, stats -> stats.ready())
        .returns(0L, stats -> stats.bytes());
  }

  // A full server

  @Test
  void aFullServerTakesNoWriteAndAllThatFreesIt() {
    RedisStore store = open();
    Mutation a = put(store, "a", "1");
    Mutation b = put(store, "b", "1");
    Mutation c = put(store, "c", "1");
    Mutation d = put(store, "d", "1");
    Write staging = new Write(TYPE.key("e"), null, Durability.DATABASE);
    Mutation staged = ((WriteOutcome.Written) await(store.put(staging))).mutation();
    Object before = server.call("HGETALL", partition());
    server.call("CONFIG", "SET", "maxmemory", "1");
    try {
      for (Write write :
          List.of(
              write("new", "1"),
              write("a", "2"),
              new Write(TYPE.key("x"), null, Durability.DATABASE))) {
        assertThatThrownBy(() -> await(store.put(write)))
            .isInstanceOf(OverloadedException.class)
            .hasMessageContaining("maxmemory");
      }
      Write asking =
          new Write(TYPE.key("r"), null, Durability.DISK, false, null, new RequestId("r", "body"));
      assertThatThrownBy(() -> await(store.put(asking))).isInstanceOf(OverloadedException.class);
      assertThatThrownBy(() -> await(store.get(TYPE.key("new"))))
          .isInstanceOf(OverloadedException.class);
      assertThat(server.call("HGETALL", partition())).isEqualTo(before);
      assertThat(await(store.get(TYPE.key("a"))).version()).isEqualTo(a.version());
      assertThat(await(store.take(0, 1, TakeLimits.of(9))).mutations()).containsExactly(staged);
      assertThat(await(store.unstage(0, 1, staged))).isTrue();
      assertThat(await(store.take(0, 1, TakeLimits.of(9))).mutations()).containsExactly(a, b, c, d);
      await(store.settle(0, 1, List.of(a), a.version()));
      assertThat(await(store.defer(0, 1, b, 5, 1, FAILURE))).isTrue();
      assertThat(await(store.park(0, 1, c, 1, FAILURE))).isTrue();
      assertThat(await(store.park(0, 1, d, 1, FAILURE))).isTrue();
      assertThat(await(store.retry(c.key(), c.version()))).isEqualTo(Letter.Fate.DONE);
      assertThat(await(store.discard(d.key(), d.version()))).isEqualTo(Letter.Fate.DONE);
      await(store.open(0, 2, 0, true));
      await(store.horizon(0));
      assertThat(await(store.pending("", null, 9)).entries()).hasSize(2);
    } finally {
      server.call("CONFIG", "SET", "maxmemory", "0");
    }
    Audit.check(server, partition(), false);
    put(store, "new", "1");
  }

  // Writes that gather

  @Test
  void writesThatComeWhileOneIsUnderWayGoTogetherAndInTheirOrder() {
    RedisStore store = open(settings(TYPE, 1, 10_000, null));
    long before = scripts();
    List<CompletionStage<WriteOutcome>> stages = new ArrayList<>();
    for (int i = 0; i < 2_000; i++) {
      stages.add(store.put(write("k" + i % 100, "v" + i)));
    }
    long version = 0;
    for (CompletionStage<WriteOutcome> stage : stages) {
      long next = ((WriteOutcome.Written) await(stage)).mutation().version();
      assertThat(next).isGreaterThan(version);
      version = next;
    }
    assertThat(scripts() - before).isLessThan(500);
    for (int i = 0; i < 100; i++) {
      assertThat(await(store.get(TYPE.key("k" + i))).row())
          .isEqualTo(TYPE.rowOf("v" + (1_900 + i)));
    }
  }

  private long scripts() {
    String stats = (String) Objects.requireNonNull(server.call("INFO", "commandstats"));
    return stats
        .lines()
        .filter(line -> line.startsWith("cmdstat_eval"))
        .mapToLong(line -> Long.parseLong(line.replaceAll(".*:calls=(\\d+),.*", "$1")))
        .sum();
  }

  // Limits

  @Test
  void limitsAreDividedAmongThePartitions() {
    RedisStore store = open(settings(TYPE, 4, 8, null));
    int[] taken = new int[4];
    for (int i = 0; i < 100; i++) {
      Key key = TYPE.key("k" + i);
      WriteOutcome outcome = await(store.put(write("k" + i, "1")));
      taken[key.partition(4)] += outcome instanceof WriteOutcome.Written ? 1 : 0;
    }
    assertThat(taken).containsExactly(2, 2, 2, 2);
    assertThat(store.pendingEntries()).isEqualTo(8);
  }

  private WriteOutcome put(RedisStore store, String shop, int id) {
    return await(store.put(new Write(SHOPS.key(shop, id), SHOPS.rowOf("1"), Durability.DISK)));
  }

  @Test
  void aTenantHasAsMuchAsAllOfThemLeaveFree() {
    RedisStore store = open(settings(SHOPS, 1, 12, "shop"));
    int large = 0;
    while (put(store, "large, 100%", large) instanceof WriteOutcome.Written) {
      large++;
    }
    assertThat(large).isEqualTo(6);
    int small = 0;
    double usage = 0;
    while (put(store, "small", small) instanceof WriteOutcome.Written written) {
      small++;
      usage = written.usage();
    }
    assertThat(small).isEqualTo(3);
    assertThat(usage).isEqualTo(1);
    assertThat(put(store, "large, 100%", large)).isEqualTo(WriteOutcome.Full.INSTANCE);
    assertThat(server.call("HGET", partition() + ":tenants", "small")).asString().startsWith("3 ");
    Audit.check(server, partition(), true);
  }

  // Requests

  @Test
  void aRequestWhoseOwnerDiedBeforeItsWriteIsTakenOver() {
    RedisStore store = open(settings(TYPE, 2, 1_000, null));
    Caller caller =
        new Caller(fixture.wire(), fixture.prefix, settings(TYPE, 2, 1_000, null), true);
    Writes dead = new Writes(caller);
    RequestId id = new RequestId("r", "body");
    Key a = TYPE.key("a");
    assertThat(a.partition(2)).isNotEqualTo(TYPE.key("b").partition(2));
    Write lost = new Write(a, TYPE.rowOf("1"), Durability.DISK, false, null, id);
    Write again = new Write(TYPE.key("b"), TYPE.rowOf("2"), Durability.DISK, false, null, id);
    int at = Key.ofCanonical(Keys.bytes("r")).partition(2);
    Items claim =
        await(
            caller.run(
                caller.shards[at],
                Scripts.CLAIM,
                List.of(caller.keys.claim(at, "r")),
                List.of(Keys.bytes("a"), Keys.bytes(0)),
                Durability.MEMORY));
    long generation = claim.number();
    assertThatThrownBy(() -> await(store.put(again)))
        .isInstanceOfSatisfying(
            RequestConflictException.class, e -> assertThat(e.underWay()).isTrue());
    fixture.advance(environment, Duration.ofSeconds(11));
    Mutation done = ((WriteOutcome.Written) await(store.put(again))).mutation();
    // It was not dead: its write comes late, and is not carried out.
    assertThat(
            await(
                dead.enqueue(
                    lost,
                    Keys.bytes("a"),
                    Stored.encode(lost.row()),
                    caller.keys.request(a.partition(2), "r"),
                    generation)))
        .isNull();
    assertThat(await(store.put(lost)))
        .isInstanceOfSatisfying(
            WriteOutcome.Repeated.class,
            repeated -> assertThat(repeated.earlier().version()).isEqualTo(done.version()));
    assertThat(await(store.get(a)).miss()).isTrue();
  }

  // What is clean, and what is refused

  @Test
  void whatIsCleanForEverIsKeptForADay() {
    RedisStore store =
        open(
            new Settings("things", TYPE, 1, 100, 1 << 20, 0, Duration.ZERO, 10, null, environment));
    Mutation a = put(store, "a", "1");
    await(store.settle(0, 1, List.of(a), 9));
    assertThat((Long) server.call("PTTL", partition() + ":entry:a"))
        .isBetween(Duration.ofHours(23).toMillis(), Duration.ofDays(1).toMillis());
    assertThat(await(store.get(a.key())).state()).isEqualTo(EntryState.CLEAN);
  }

  @Test
  void ofARefusalOnlySoMuchTextIsKeptAsThereIsRoomFor() {
    RedisStore store =
        open(new Settings("things", TYPE, 1, 100, 3_000, 0, Duration.ZERO, 10, null, environment));
    Mutation a = put(store, "a", "1");
    Mutation b = put(store, "b", "1");
    Failure wordy =
        new Failure(DatabaseError.of(ErrorClass.CONSTRAINT, "\ud83d\ude00".repeat(2_000)), 7);
    assertThat(await(store.defer(0, 1, a, 5, 1, wordy))).isTrue();
    assertThat(await(store.defer(0, 1, b, 5, 1, FAILURE))).isTrue();
    List<PendingEntry> pending = await(store.pending("", null, 9)).entries();
    assertThat(Objects.requireNonNull(pending.get(0).error()).message()).isEqualTo("...");
    assertThat(Objects.requireNonNull(pending.get(1).error()).message())
        .isEqualTo("value too long");
    assertThat(await(store.horizon(0)).stats().bytes()).isLessThan(3_000);
    assertThat(await(store.park(0, 1, a, 1, FAILURE))).isTrue();
    Audit.check(server, partition(), false);
  }

  @Test
  void keysAreListedInOneOrderWhateverTheirCharacters() {
    RedisStore store = open(settings(TYPE, 3, 1_000, null));
    // By code point; as Java compares texts the last two would change places.
    List<String> ids = List.of("A", "a,b", "a%b", "z", "é", "\uffee", "\ud83d\ude00");
    List<String> sorted = List.of("A", "a%b", "a,b", "z", "é", "\uffee", "\ud83d\ude00");
    for (String id : ids) {
      Mutation write = put(store, id, "1");
      int partition = write.key().partition(3);
      await(store.park(partition, 1, write, 1, FAILURE));
    }
    List<String> pages = new ArrayList<>();
    String after = null;
    do {
      PendingPage page = await(store.pending("", after, 2));
      page.entries().forEach(entry -> pages.add(entry.key()));
      after = page.next();
    } while (after != null);
    assertThat(pages).isEqualTo(sorted);
    assertThat(await(store.letters(DeadLetterFilter.all(), "a,b", 9)))
        .extracting(Letter::keyText)
        .isEqualTo(sorted.subList(3, 7));
  }

  // The factory

  @Test
  void whatIsNoPrefixIsRefused() {
    for (String prefix : List.of("", "a b", "{x}", "ü", "a*")) {
      assertThatThrownBy(() -> fixture.factory().prefix(prefix))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining("prefix: \"" + prefix + "\"");
    }
    assertThat(fixture.factory().prefix("my.app:queue_1-b")).isNotNull();
  }

  @Test
  void datasetsAndPrefixesDoNotMix() {
    RedisStore store = open();
    put(store, "a", "1");
    RedisStore elsewhere =
        fixture.factory().prefix(fixture.prefix + "x").open(settings(TYPE, 2, 100, null));
    opened.add(elsewhere);
    await(elsewhere.open(0, 1, 0, false));
    await(elsewhere.open(1, 1, 0, false));
    assertThat(elsewhere.id()).isNotEqualTo(store.id());
    assertThat(await(elsewhere.get(TYPE.key("a"))).miss()).isTrue();
    assertThat(fixture.factory().remembered("things")).isNull();
  }
}
