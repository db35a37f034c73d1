package io.headpond.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.RequestId;
import io.headpond.RowType;
import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestServer;
import io.headpond.spi.Expected;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStoreFactory.Settings;
import io.headpond.spi.Letter;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.SharedStore;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.testkit.ManualEnvironment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Histories that once ended wrongly. */
class HistoriesTest {
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.TEXT).column("text", ColumnType.TEXT).build();

  private final ManualEnvironment environment = new ManualEnvironment();
  private final StoreFixture fixture = new StoreFixture(Target.one(ServerBinary.REDIS_6_2));
  private final TestServer server = fixture.server();
  private final List<RedisStore> opened = new ArrayList<>();

  @AfterEach
  void close() {
    opened.forEach(RedisStore::close);
  }

  private static Settings settings(ManualEnvironment environment, int partitions, int entries) {
    return new Settings(
        "things",
        TYPE,
        partitions,
        entries,
        1 << 20,
        0,
        Duration.ofMinutes(10),
        10,
        null,
        environment);
  }

  private RedisStore open(int partitions, int entries) {
    RedisStore store = fixture.factory().open(settings(environment, partitions, entries));
    opened.add(store);
    for (int i = 0; i < partitions; i++) {
      await(store.open(i, 1, 0, false));
    }
    return store;
  }

  private <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return StoreFixture.await(environment, stage);
  }

  private static Write write(String id, Durability durability, @Nullable RequestId request) {
    return new Write(TYPE.key(id), TYPE.rowOf("1"), durability, false, null, request);
  }

  private Mutation put(RedisStore store, String id) {
    WriteOutcome outcome = await(store.put(write(id, Durability.DISK, null)));
    return ((WriteOutcome.Written) outcome).mutation();
  }

  private String partition() {
    return fixture.prefix + ":{things:0}";
  }

  @Test
  void aRequestWhoseWriteWasRefusedAndWhoseOwnerDiedThenCanBeSentAgain() {
    RedisStore store = open(2, 2);
    Settings settings = settings(environment, 2, 2);
    Caller caller = new Caller(fixture.wire(), fixture.prefix, settings, true);
    Writes dead = new Writes(caller);
    Mutation first = put(store, "1");
    int partition = first.key().partition(2);
    String id = "2";
    while (TYPE.key(id).partition(2) != partition) {
      id += "2";
    }
    Write write = write(id, Durability.DISK, new RequestId("r", "body"));
    int at = Key.ofCanonical(Keys.bytes("r")).partition(2);
    long generation =
        await(
                caller.run(
                    caller.shards[at],
                    Scripts.CLAIM,
                    List.of(caller.keys.claim(at, "r")),
                    List.of(Keys.bytes(id), Keys.bytes(0)),
                    Durability.MEMORY))
            .number();
    byte[] request = caller.keys.request(partition, "r");
    // The partition is full. That the claim is not good any more its owner has not heard.
    assertThat(
            await(
                dead.enqueue(
                    write, Keys.bytes(id), Stored.encode(write.row()), request, generation)))
        .isEqualTo(WriteOutcome.Full.INSTANCE);
    await(store.settle(partition, 1, List.of(first), 9));
    assertThat(await(store.put(write))).isInstanceOf(WriteOutcome.Written.class);
  }

  @Test
  void aRequestIsFoundForADayHoweverOldItsClaimIs() {
    RedisStore store = open(2, 100);
    Caller caller = new Caller(fixture.wire(), fixture.prefix, settings(environment, 2, 100), true);
    int at = Key.ofCanonical(Keys.bytes("r")).partition(2);
    await(
        caller.run(
            caller.shards[at],
            Scripts.CLAIM,
            List.of(caller.keys.claim(at, "r")),
            List.of(Keys.bytes("a"), Keys.bytes(0)),
            Durability.MEMORY));
    fixture.advance(environment, Duration.ofHours(23));
    Write write = write("a", Durability.DISK, new RequestId("r", "body"));
    assertThat(await(store.put(write))).isInstanceOf(WriteOutcome.Written.class);
    fixture.advance(environment, Duration.ofHours(2));
    assertThat(await(store.request("r"))).isNotNull();
  }

  @Test
  void aStagedWriteThatABatchMayHaveTakenBeforeTheServerForgotThatIsNotTakenBack() {
    RedisStore store = open(1, 100);
    WriteOutcome outcome = await(store.put(write("a", Durability.DATABASE, null)));
    Mutation staged = ((WriteOutcome.Written) outcome).mutation();
    String rows = partition() + ":staged:rows";
    String before = (String) server.call("HGET", rows, "a");
    await(store.take(0, 1, TakeLimits.of(10)));
    // A replica that had not heard of the batch takes over.
    server.call("HSET", rows, "a", before);
    server.call("HSET", partition(), "run", "another");
    await(store.open(0, 1, staged.version(), true));
    assertThat(await(store.withdraw(staged))).isEqualTo(SharedStore.Withdrawal.UNDER_WAY);
  }

  @Test
  void aRowWithoutAVersionThatWasReadBeforeIsNotReadOnceAnEntryIsSettled() {
    RedisStore store = open(1, 100);
    Mutation a = put(store, "a");
    await(store.take(0, 1, TakeLimits.of(10)));
    server.call("DEL", partition() + ":entry:a", partition() + ":ready");
    Lookup miss = await(store.get(a.key()));
    // The row that was there before, and was none of ours: it gets a version when it is read.
    assertThat(await(store.fill(a.key(), TYPE.rowOf("0"), 0, miss.fillToken()))).isNotNull();
    await(store.settle(0, 1, List.of(a), 9));
    assertThat(await(store.get(a.key())).miss()).isTrue();
  }

  @Test
  void aTimeThatWasToldIsBelowAllLaterVersionsAlsoIfNoWriteFoundRoom() {
    RedisStore store = open(1, 1);
    put(store, "a");
    environment.advance(Duration.ofSeconds(10));
    assertThat(await(store.put(write("b", Durability.DISK, null))))
        .isEqualTo(WriteOutcome.Full.INSTANCE);
    long told = store.nowMicros(0);
    environment.setWallMicros(environment.wallMicros() - 9_000_000);
    assertThat(put(store, "a").version()).isGreaterThan(told);
  }

  @Test
  void anEntryThatABatchCarriesIsNotPurgedThoughTheClockWasSetBack() {
    RedisStore store = open(1, 100);
    Mutation a = put(store, "a");
    await(store.take(0, 1, TakeLimits.of(10)));
    Failure failure =
        new Failure(DatabaseError.of(ErrorClass.VALUE, "too long"), environment.wallMicros());
    await(store.defer(0, 1, a, environment.wallMicros() + 60_000_000, 1, failure));
    environment.setWallMicros(environment.wallMicros() - 1_000_000_000);
    assertThat(await(store.take(0, 1, TakeLimits.of(10))).mutations()).containsExactly(a);
    assertThat(await(store.purge(a.key(), a.version(), false))).isEqualTo(Letter.Fate.UNDECIDED);
  }

  @Test
  void aWriteThatExpectsAVersionOfAnEarlierLifeIsTold() {
    RedisStore store = open(1, 100);
    Mutation a = put(store, "a");
    await(store.settle(0, 1, List.of(a), 9));
    server.call("HSET", partition(), "run", "another");
    await(store.open(0, 1, a.version(), true));
    Write write =
        new Write(
            a.key(), TYPE.rowOf("2"), Durability.DISK, false, new Expected(a.version(), 0), null);
    assertThat(await(store.put(write)))
        .isInstanceOfSatisfying(
            WriteOutcome.Mismatch.class, found -> assertThat(found.now().miss()).isTrue());
  }

  @Test
  void anAnswerThatWaitedForReplicasDoesNotHideWhatWasToldMeanwhile() {
    Settings settings = settings(environment, 1, 100);
    List<CompletableFuture<Wire.Answer>> answers = new ArrayList<>();
    Caller caller = new Caller(answeringLater(answers), "p", settings, true);
    CompletableFuture<Items> first = caller.run(caller.shards[0], Scripts.LOOK, List.of());
    CompletableFuture<Items> second = caller.run(caller.shards[0], Scripts.LOOK, List.of());
    answers.get(1).complete(new Wire.Answer("run", Collections.nCopies(18, 7L)));
    answers.get(0).complete(new Wire.Answer("run", Collections.nCopies(18, 5L)));
    // The first of each is the code of the answer, which is not looked at here.
    assertThat(second.join().status().clock()).isEqualTo(7);
    assertThat(first.join().status().clock()).isEqualTo(5);
    assertThat(Objects.requireNonNull(caller.shards[0].status()).clock()).isEqualTo(7);
  }

  private Wire answeringLater(List<CompletableFuture<Wire.Answer>> answers) {
    return new Wire() {
      @Override
      public CompletionStage<Answer> script(
          Script script, List<byte[]> keys, List<byte[]> args, Durability level) {
        answers.add(new CompletableFuture<>());
        return answers.get(answers.size() - 1);
      }

      @Override
      public CompletionStage<Answer> get(List<byte[]> keys) {
        return fixture.wire().get(keys);
      }

      @Override
      public void subscribe(byte[] channel, Consumer<byte[]> heard, Runnable missed) {}

      @Override
      public Set<Durability> levels() {
        return Set.of();
      }

      @Override
      public List<String> reasons() {
        return List.of();
      }

      @Override
      public String description() {
        return "later";
      }

      @Override
      public void close() {}
    };
  }
}
