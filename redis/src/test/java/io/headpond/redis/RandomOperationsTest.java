package io.headpond.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.ErrorClass;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.redis.servers.ServerBinary;
import io.headpond.spi.Expected;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Letter;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.testkit.ManualEnvironment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletionStage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever is done in whatever order: what the scripts count and queue is what is there, and no key has a value that nobody gave it last. */
class RandomOperationsTest {
  private static final RowType TYPE =
      RowType.builder()
          .key("shop", ColumnType.INTEGER)
          .key("id", ColumnType.TEXT)
          .column("text", ColumnType.TEXT)
          .build();
  private static final int STEPS = 600;

  private final ManualEnvironment environment = new ManualEnvironment();
  private final StoreFixture fixture = new StoreFixture(Target.one(ServerBinary.REDIS_6_2));
  private final Map<Key, Mutation> last = new HashMap<>();
  private final List<Mutation> letters = new ArrayList<>();
  private RedisStore store;
  private Random random;
  private Taken taken;
  private long epoch;
  private int refused;

  private <T> T await(CompletionStage<T> stage) {
    return StoreFixture.await(environment, stage);
  }

  @AfterEach
  void close() {
    store.close();
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3})
  void whatIsCountedIsWhatIsThere(long seed) {
    random = new Random(seed);
    store =
        fixture
            .factory()
            .open(
                new HotStoreFactory.Settings(
                    "things",
                    TYPE,
                    1,
                    40,
                    8_000,
                    0,
                    Duration.ofMinutes(1),
                    10,
                    "shop",
                    environment));
    epoch = 1;
    await(store.open(0, epoch, 0, false));
    take();
    for (int step = 0; step < STEPS; step++) {
      step(random.nextInt(100));
      if (step % 25 == 0) {
        Audit.check(fixture.server(), fixture.prefix + ":{things:0}", true);
        visible();
      }
    }
    assertThat(refused).as("writes that found no room").isPositive();
    drain();
  }

  private void step(int what) {
    if (what < 45) {
      write(key(), random.nextInt(10) == 0 ? Durability.DATABASE : Durability.MEMORY);
    } else if (what < 55) {
      take();
    } else if (what < 65) {
      settle();
    } else if (what < 75) {
      refuse();
    } else if (what < 80) {
      decide();
    } else if (what < 88) {
      load(key());
    } else if (what < 91) {
      await(store.invalidate(key()));
    } else if (what < 93) {
      await(store.open(0, ++epoch, 0, true));
    } else if (what < 95) {
      fixture.advance(environment, Duration.ofSeconds(random.nextInt(90)));
    } else if (what < 97) {
      environment.setWallMicros(environment.wallMicros() + random.nextInt(20_000_000) - 9_000_000);
    } else {
      purge(key());
    }
  }

  private Key key() {
    return TYPE.key(random.nextInt(3), "k," + random.nextInt(25));
  }

  private void write(Key key, Durability durability) {
    Row row =
        random.nextInt(6) == 0
            ? null
            : TYPE.rowOf("x".repeat(random.nextInt(random.nextInt(5) == 0 ? 2_000 : 100)));
    Lookup now = await(store.get(key));
    Expected expected =
        random.nextInt(3) != 0
            ? null
            : now.miss() ? new Expected(0, now.fillToken()) : new Expected(now.version(), 0);
    WriteOutcome outcome = await(store.put(new Write(key, row, durability, false, expected, null)));
    if (outcome instanceof WriteOutcome.Written written) {
      last.put(key, written.mutation());
    }
    refused += outcome instanceof WriteOutcome.Full ? 1 : 0;
  }

  private void take() {
    taken = await(store.take(0, epoch, TakeLimits.of(1 + random.nextInt(10))));
  }

  private void settle() {
    List<Mutation> some = new ArrayList<>(taken.mutations());
    some.removeIf(mutation -> random.nextInt(4) == 0);
    await(store.settle(0, epoch, some, taken.frontier()));
  }

  private void refuse() {
    for (Mutation mutation : taken.mutations()) {
      Failure failure =
          new Failure(
              DatabaseError.of(
                  random.nextInt(3) == 0 ? ErrorClass.CONFLICT : ErrorClass.VALUE,
                  "é".repeat(random.nextInt(200))),
              environment.wallMicros());
      if (taken.staged()) {
        await(store.unstage(0, epoch, mutation));
      } else if (random.nextInt(2) == 0) {
        long due = environment.wallMicros() + random.nextInt(60_000_000) - 1_000_000;
        await(store.defer(0, epoch, mutation, due, random.nextInt(4), failure));
      } else if (await(store.park(0, epoch, mutation, 4, failure))) {
        letters.add(mutation);
      }
    }
  }

  private void decide() {
    if (letters.isEmpty()) {
      return;
    }
    Mutation letter = letters.remove(random.nextInt(letters.size()));
    if (random.nextInt(3) > 0) {
      await(store.retry(letter.key(), letter.version()));
    } else if (await(store.discard(letter.key(), letter.version())) == Letter.Fate.DONE) {
      last.remove(letter.key());
    }
  }

  private void load(Key key) {
    Lookup now = await(store.get(key));
    if (now.miss()) {
      try {
        await(store.fill(key, null, 0, now.fillToken()));
      } catch (HeadpondException e) {
        throw new AssertionError(e);
      }
    }
  }

  private void purge(Key key) {
    Mutation known = last.get(key);
    if (known != null && await(store.purge(key, known.version(), true)) == Letter.Fate.DONE) {
      last.remove(key);
    }
  }

  /** What is pending is what was written last, unless that is staged or was taken back, or is a letter that was given a new version. */
  private void visible() {
    last.forEach(
        (key, mutation) -> {
          Lookup now = await(store.get(key));
          if (now.state() == EntryState.PENDING && now.version() == mutation.version()) {
            assertThat(now.row())
                .isEqualTo(mutation instanceof Mutation.Put put ? put.row() : null);
          }
        });
  }

  /** In the end nothing is stuck: all that is owed can be taken and settled, and nothing is counted any more. */
  private void drain() {
    for (Letter letter : await(store.letters(io.headpond.DeadLetterFilter.all(), null, 1_000))) {
      await(store.retry(letter.mutation().key(), letter.mutation().version()));
    }
    for (int i = 0; i < 200 && store.pendingEntries() + store.stats(0).parked() > 0; i++) {
      fixture.advance(environment, Duration.ofMinutes(2));
      taken = await(store.take(0, epoch, TakeLimits.of(10)));
      await(store.settle(0, epoch, taken.mutations(), taken.frontier()));
      for (Letter letter : await(store.letters(io.headpond.DeadLetterFilter.all(), null, 1_000))) {
        await(store.retry(letter.mutation().key(), letter.mutation().version()));
      }
    }
    assertThat(await(store.horizon(0)).stats())
        .isEqualTo(new io.headpond.spi.PartitionStats(0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    Audit.check(fixture.server(), fixture.prefix + ":{things:0}", true);
  }
}
