package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheBuilder;
import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.Overload;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Mutation;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A tenant that stays below its share does not feel the others. */
@Timeout(60)
class TenantTest {
  private static final RowType TYPE =
      RowType.builder()
          .key("shop", ColumnType.TEXT)
          .key("id", ColumnType.BIGINT)
          .column("name", ColumnType.TEXT)
          .build();
  private static final int LIMIT = 120;

  private final ManualEnvironment environment = new ManualEnvironment();
  private final FakeDatabase database = new FakeDatabase(environment);

  private static Key key(String shop, long id) {
    return TYPE.key(shop, id);
  }

  // The store

  private static final int SIZE = entrySize();

  private static int entrySize() {
    ManualEnvironment environment = new ManualEnvironment();
    try (HotStore store = open(environment, new SimulatedDisk(), 10, 1 << 20)) {
      environment.await(store.put(new Write(key("a", 1), row("x"), Durability.MEMORY)));
      return (int) store.stats(0).bytes();
    }
  }

  private static HotStore open(
      ManualEnvironment environment, SimulatedDisk disk, int entries, long bytes) {
    return JournalStore.on(disk)
        .segmentSize(1 << 16)
        .open(
            new HotStoreFactory.Settings(
                "t", TYPE, 1, entries, bytes, 0, Duration.ofHours(1), 10, "shop", environment));
  }

  private static Row row(String name) {
    return TYPE.rowOf(name);
  }

  /** What is pending of each tenant, and of all. */
  private static final class Model {
    private final Map<String, Integer> pending = new HashMap<>();
    private int all;

    void add(String shop, int one) {
      pending.merge(shop, one, Integer::sum);
      pending.remove(shop, 0);
      all += one;
    }

    int of(String shop) {
      return pending.getOrDefault(shop, 0);
    }

    /** Whether nobody else has more than is left free. */
    boolean othersKeepTheirShare(String shop, int free) {
      return pending.entrySet().stream()
          .allMatch(of -> of.getKey().equals(shop) || of.getValue() <= free);
    }

    int tenantsWith(String shop) {
      return pending.size() + (pending.containsKey(shop) ? 0 : 1);
    }
  }

  /** By entries, and by bytes where each entry has as many. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whoIsBelowItsShareIsNeitherRefusedNorSlowedDown(boolean byBytes) {
    int below = 0;
    int refused = 0;
    int slowed = 0;
    for (int seed = 0; seed < 60; seed++) {
      Random random = new Random(seed);
      SimulatedDisk disk = new SimulatedDisk();
      int entries = byBytes ? 100_000 : LIMIT;
      long bytes = byBytes ? (long) LIMIT * SIZE : 1 << 30;
      environment.forgetTasks();
      HotStore store = open(environment, disk, entries, bytes);
      environment.await(store.open(0, 1, 0, false));
      Model model = new Model();
      Map<Key, Mutation> letters = new HashMap<>();
      int shops = 1 + random.nextInt(5);
      int greedy = 1 + random.nextInt(20);
      for (int i = 0; i < 600; i++) {
        String shop =
            String.valueOf((char) ('a' + Math.max(0, random.nextInt(shops + greedy) - greedy)));
        if (random.nextInt(40) > 0) {
          int own = model.of(shop);
          int tenants = model.tenantsWith(shop);
          boolean share =
              own * (tenants + 1) < LIMIT && model.othersKeepTheirShare(shop, LIMIT - model.all);
          boolean tooMuch = own >= LIMIT - model.all;
          WriteOutcome outcome =
              environment.await(
                  store.put(new Write(key(shop, 1_000 + i), row("x"), Durability.JOURNAL)));
          if (outcome instanceof WriteOutcome.Written written) {
            assertThat(tooMuch).as("seed %s", seed).isFalse();
            model.add(shop, 1);
            // Whatever the others have.
            boolean light = (own + 1) * 2 * (tenants + 1) <= LIMIT;
            if (light) {
              assertThat(written.usage()).as("seed %s", seed).isLessThanOrEqualTo(0.5);
              below++;
            } else if (written.usage() > 0.5) {
              slowed++;
            }
          } else {
            assertThat(share).as("seed %s", seed).isFalse();
            refused++;
          }
        } else {
          flush(store, random, model, letters);
        }
        assertThat(model.all).isLessThanOrEqualTo(LIMIT);
        assertThat(store.pendingEntries()).isEqualTo(model.all);
        if (random.nextInt(300) == 0) {
          environment.forgetTasks();
          disk = disk.crashProcess();
          store = open(environment, disk, entries, bytes);
          environment.await(store.open(0, 1, 0, false));
        }
      }
    }
    assertThat(List.of(below, refused, slowed)).allSatisfy(n -> assertThat(n).isGreaterThan(500));
  }

  private void flush(HotStore store, Random random, Model model, Map<Key, Mutation> letters) {
    Taken taken = environment.await(store.take(0, 1, TakeLimits.of(1 + random.nextInt(40))));
    DatabaseError error = DatabaseError.of(ErrorClass.CONSTRAINT, "");
    Failure failure = new Failure(error, environment.wallMicros());
    for (Mutation mutation : taken.mutations()) {
      String shop = (String) TYPE.components(mutation.key()).get(0);
      switch (random.nextInt(8)) {
        case 0 -> environment.await(store.defer(0, 1, mutation, 0, 1, failure));
        case 1 -> {
          environment.await(store.park(0, 1, mutation, 1, failure));
          letters.put(mutation.key(), mutation);
          model.add(shop, -1);
        }
        default -> {
          environment.await(store.settle(0, 1, List.of(mutation), 0));
          model.add(shop, -1);
        }
      }
    }
    // A person's retry takes room whatever the limit, so only where there is some.
    if (!letters.isEmpty() && model.all < LIMIT) {
      Mutation letter = letters.values().iterator().next();
      letters.remove(letter.key());
      if (random.nextBoolean()) {
        environment.await(store.retry(letter.key(), letter.version()));
        model.add((String) TYPE.components(letter.key()).get(0), 1);
      } else {
        environment.await(store.discard(letter.key(), letter.version()));
      }
    }
  }

  @Test
  void oneAloneTakesHalfAndANewcomerFindsRoom() {
    HotStore store = open(environment, new SimulatedDisk(), LIMIT, 1 << 20);
    assertThat(fill(store, "a")).isEqualTo(LIMIT / 2);
    int free = LIMIT / 2;
    for (char shop = 'b'; shop < 'g'; shop++) {
      int taken = fill(store, String.valueOf(shop));
      assertThat(taken).isEqualTo((free + 1) / 2);
      free -= taken;
    }
  }

  /** How many entries there is room for. */
  private int fill(HotStore store, String shop) {
    int count = 0;
    while (environment.await(store.put(new Write(key(shop, count), row("x"), Durability.MEMORY)))
        instanceof WriteOutcome.Written) {
      count++;
    }
    return count;
  }

  @Test
  void stagedWritesCountAsTheirTenants() {
    HotStore store = open(environment, new SimulatedDisk(), LIMIT, 1 << 20);
    environment.await(store.open(0, 1, 0, false));
    for (int i = 0; i < LIMIT / 2; i++) {
      assertThat(stage(store, "a", i)).isInstanceOf(WriteOutcome.Written.class);
    }
    assertThat(stage(store, "a", 999)).isEqualTo(WriteOutcome.Full.INSTANCE);
    assertThat(stage(store, "b", 999)).isInstanceOf(WriteOutcome.Written.class);
    List<Mutation> taken = environment.await(store.take(0, 1, TakeLimits.of(500))).mutations();
    environment.await(store.settle(0, 1, taken.subList(0, 30), 0));
    for (Mutation mutation : taken.subList(30, taken.size())) {
      environment.await(store.unstage(0, 1, mutation));
    }
    assertThat(fill(store, "a")).isEqualTo(LIMIT / 2);
  }

  private WriteOutcome stage(HotStore store, String shop, long id) {
    return environment.await(store.put(new Write(key(shop, id), row("x"), Durability.DATABASE)));
  }

  /** A longer value of an entry that is pending needs only bytes, and those by its tenant's part. */
  @Test
  void aTenantThatHasItsPartOfTheBytesMayNotHaveMoreByRewriting() {
    HotStore store = open(environment, new SimulatedDisk(), LIMIT, 1 << 20);
    for (int i = 0; fits(store, key("a", i), 9_000); i++) {
      assertThat(i).isLessThan(LIMIT / 2);
    }
    assertThat(fits(store, key("a", 0), 9_900)).isFalse();
    assertThat(fits(store, key("a", 0), 8_000)).isTrue();
    assertThat(fits(store, key("b", 0), 9_000)).isTrue();
    assertThat(fits(store, key("b", 0), 9_900)).isTrue();
  }

  private boolean fits(HotStore store, Key key, int length) {
    Write write = new Write(key, row("x".repeat(length)), Durability.MEMORY);
    return environment.await(store.put(write)) instanceof WriteOutcome.Written;
  }

  // The engine

  private WriteBehindCache<Key, Row> open(CacheBuilder<Key, Row> builder) {
    WriteBehindCache<Key, Row> cache = builder.build();
    environment.run();
    return cache;
  }

  private CacheBuilder<Key, Row> builder() {
    return WriteBehindCache.builder(TYPE)
        .name("t")
        .partitions(1)
        .maxPendingEntries(LIMIT)
        .tenant("shop")
        .store(JournalStore.on(new SimulatedDisk()).segmentSize(1 << 16))
        .systemOfRecord(database)
        .environment(environment);
  }

  private final List<CompletableFuture<Receipt>> flood = new ArrayList<>();

  /** Writes as much as is taken, and as many again that have to wait. */
  private void flood(WriteBehindCache<Key, Row> cache, String shop, Durability durability) {
    for (int i = 0; i < 2 * LIMIT; i++) {
      flood.add(cache.putAsync(key(shop, i), row("x"), durability));
    }
    environment.advance(Duration.ofMillis(300));
  }

  @ParameterizedTest
  @ValueSource(strings = {"JOURNAL", "DATABASE"})
  void nobodyStandsBehindATenantThatHasTooMuch(String level) {
    WriteBehindCache<Key, Row> cache =
        open(builder().overload(Overload.waitFor(Duration.ofMinutes(5))));
    database.setAway(true);
    flood(cache, "a", Durability.valueOf(level));
    if (level.equals("JOURNAL")) {
      assertThat(cache.status().waitingWriters()).isGreaterThan(LIMIT);
    }
    for (int i = 0; i < LIMIT / 9; i++) {
      CompletableFuture<Receipt> other = cache.putAsync(key("b", i), row("y"), Durability.JOURNAL);
      // At once: neither behind the line nor held back.
      environment.run();
      assertThat(other).isCompleted();
    }
    database.setAway(false);
    environment.advance(Duration.ofMinutes(6));
    if (level.equals("JOURNAL")) {
      assertThat(flood).allSatisfy(one -> assertThat(one).isCompleted());
      assertThat(database.rows()).hasSize(2 * LIMIT + LIMIT / 9);
    }
    assertThat(cache.status().waitingWriters()).isZero();
    cache.close();
  }

  @Test
  void whoWaitsOfOneTenantLeavesRoomForOthersToWait() {
    WriteBehindCache<Key, Row> cache =
        open(builder().maxPendingEntries(3).overload(Overload.waitFor(Duration.ofMinutes(5))));
    database.setAway(true);
    List<CompletableFuture<Receipt>> all = new ArrayList<>();
    for (int i = 0; i < 12_000; i++) {
      all.add(cache.putAsync(key("a", i), row("x"), Durability.MEMORY));
    }
    environment.run();
    assertThat(cache.status().waitingWriters()).isEqualTo(5_000);
    assertThat(all.get(11_999))
        .failsWithin(0, TimeUnit.SECONDS)
        .withThrowableThat()
        .withCauseInstanceOf(OverloadedException.class)
        .withMessageContaining("of which each shop may have as much as all leave free");
    cache.putAsync(key("b", 1), row("x"), Durability.MEMORY);
    CompletableFuture<Receipt> waits = cache.putAsync(key("b", 2), row("x"), Durability.MEMORY);
    environment.run();
    assertThat(waits).isNotDone();
    database.setAway(false);
    environment.advance(Duration.ofMinutes(5));
    assertThat(waits).isCompleted();
    cache.close();
  }

  @Test
  void theAgeOfWhatIsPendingSlowsDownOnlyWhoCausesIt() {
    WriteBehindCache<Key, Row> cache =
        open(builder().maxPendingEntries(10_000).targetLag(Duration.ofSeconds(10)));
    database.setAway(true);
    for (int i = 0; i < 100; i++) {
      cache.putAsync(key("a", i), row("x"), Durability.JOURNAL);
    }
    environment.advance(Duration.ofSeconds(30));
    CompletableFuture<Receipt> light = cache.putAsync(key("b", 1), row("x"), Durability.JOURNAL);
    CompletableFuture<Receipt> heavy = cache.putAsync(key("a", 999), row("x"), Durability.JOURNAL);
    environment.run();
    assertThat(light).isCompleted();
    assertThat(heavy).isNotDone();
    environment.advance(Duration.ofMillis(200));
    assertThat(heavy).isCompleted();
    database.setAway(false);
    environment.advance(Duration.ofSeconds(31));
    cache.close();
  }

  @Test
  void aColumnThatIsNotOfTheKeyIsNoTenant() {
    for (String column : List.of("name", "nobody", "")) {
      assertThatThrownBy(() -> builder().tenant(column).build())
          .isInstanceOf(ConfigurationException.class)
          .hasMessage("tenant: " + column + ": must be one of the key's columns, shop, id");
    }
  }
}
