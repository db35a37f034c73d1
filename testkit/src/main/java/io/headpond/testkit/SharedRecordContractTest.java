package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.Key;
import io.headpond.RowType;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.Crew;
import io.headpond.spi.FencedException;
import io.headpond.spi.Lease;
import io.headpond.spi.LeaseHeldException;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import io.headpond.spi.SystemOfRecordFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * What {@link SystemOfRecord} promises where several processes share the hot store: leases that pass from one to another, who the workers are, and removals that are not
 * forgotten. Each connection stands for a process.
 */
public abstract class SharedRecordContractTest {
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("name", ColumnType.TEXT).build();
  private static final StoreId STORE = new StoreId(new UUID(8, 1), "redis one", true);
  private static final StoreId OTHER = new StoreId(new UUID(8, 2), "redis two", true);
  private static final StoreId EMBEDDED = new StoreId(new UUID(8, 3), "journal /a");
  private static final int PARTITIONS = 4;
  private static final AtomicInteger datasets = new AtomicInteger();

  private final String dataset = "shared" + datasets.incrementAndGet();
  private final List<SystemOfRecord> opened = new ArrayList<>();
  private long batchIds = 100;

  /** The table of a dataset, empty at first, with the columns {@code id bigint} (the key), {@code name text} and one for the versions. The same one for the same name. */
  protected abstract SystemOfRecordFactory factory(String dataset);

  /** From now on it is so much later by the database's clock. */
  protected abstract void pass(Duration time);

  /** What a stage completes with, or throws what it fails with. */
  protected <T> T get(CompletionStage<T> stage) {
    try {
      return stage.toCompletableFuture().orTimeout(30, TimeUnit.SECONDS).join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw e;
    }
  }

  @AfterEach
  void closeAll() {
    opened.forEach(SystemOfRecord::close);
  }

  // bind

  @Test
  void ofManyProcessesThatBindAtOnceOneIsTheFirst() {
    List<CompletionStage<Boolean>> bound = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      bound.add(process().bind(STORE, PARTITIONS, false));
    }
    assertThat(bound.stream().map(this::get)).containsOnlyOnce(false).hasSize(4);
    assertThat(get(process().crew(STORE, null)).partitions()).hasSize(PARTITIONS);
  }

  @Test
  void anotherStoreIsRefusedAndNamed() {
    bound();
    SystemOfRecord other = process();
    assertThatThrownBy(() -> get(other.bind(OTHER, PARTITIONS, false)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(STORE.description());
    assertThatThrownBy(() -> get(other.acquire(OTHER, 0))).isInstanceOf(FencedException.class);
    assertThatThrownBy(() -> get(other.crew(OTHER, "stranger")))
        .isInstanceOf(FencedException.class);
    assertThat(get(process().crew(STORE, null)).workers()).isEmpty();
  }

  @Test
  void aTableMovesFromAnEmbeddedStoreToASharedOneAndBack() {
    SystemOfRecord embedded = process();
    get(embedded.bind(EMBEDDED, PARTITIONS, false));
    Lease first = get(embedded.acquire(EMBEDDED, 0));
    get(embedded.apply(batch(put(1, "a", 50)), first));

    SystemOfRecord one = process();
    assertThatThrownBy(() -> get(one.bind(STORE, PARTITIONS, false)))
        .isInstanceOf(ConfigurationException.class);
    assertThat(get(one.bind(STORE, PARTITIONS, true))).isFalse();
    assertFenced(embedded, first);
    Lease shared = get(one.acquire(STORE, 0));
    assertThat(shared.epoch()).isGreaterThan(first.epoch());
    assertThat(shared.highVersion()).isGreaterThanOrEqualTo(50);
    assertDone(one, shared, put(1, "b", 60));

    SystemOfRecord back = process();
    get(back.bind(EMBEDDED, PARTITIONS, true));
    assertFenced(one, shared);
    assertThatThrownBy(() -> get(one.acquire(STORE, 0))).isInstanceOf(FencedException.class);
    assertDone(back, get(back.acquire(EMBEDDED, 0)), put(1, "c", 70));
  }

  // leases

  @Test
  void aLeaseThatAnotherHoldsIsNotGiven() {
    SystemOfRecord one = bound();
    SystemOfRecord two = bound();
    get(one.crew(STORE, "first worker"));
    Lease lease = get(one.acquire(STORE, 0));
    assertThatThrownBy(() -> get(two.acquire(STORE, 0)))
        .isInstanceOf(LeaseHeldException.class)
        .hasMessageContaining("first worker");
    assertDone(one, lease, put(1, "a", 50));
    assertDone(two, get(two.acquire(STORE, 1)), put(2, "b", 51));
  }

  @Test
  void aLeaseThatWasGivenBackIsFreeAtOnce() {
    SystemOfRecord one = bound();
    SystemOfRecord two = bound();
    Lease lease = get(one.acquire(STORE, 0));
    get(one.release(lease));
    Lease taken = get(two.acquire(STORE, 0));
    assertThat(taken.epoch()).isEqualTo(lease.epoch() + 1);
    assertFenced(one, lease);
  }

  @Test
  void aLeaseThatHasExpiredPassesAndWhoHadItCannotCommit() {
    SystemOfRecord one = bound();
    SystemOfRecord two = bound();
    Lease lease = get(one.acquire(STORE, 0));
    assertDone(one, lease, put(1, "a", 50));
    expire();
    Lease taken = get(two.acquire(STORE, 0));
    assertThat(taken.epoch()).isEqualTo(lease.epoch() + 1);
    assertThat(taken.highVersion()).isEqualTo(50);
    assertFenced(one, lease);
    assertDone(two, taken, put(1, "b", 60));
    assertFenced(one, lease);
    get(one.release(lease));
    assertDone(two, taken, put(1, "c", 70));
    assertThatThrownBy(() -> get(one.acquire(STORE, 0))).isInstanceOf(LeaseHeldException.class);
    assertThat(name(1)).isEqualTo("c");
  }

  /** Nobody needed it meanwhile: there is nothing that another could have written. */
  @Test
  void aLeaseThatHasExpiredAndThatNobodyTookGoesOn() {
    SystemOfRecord one = bound();
    SystemOfRecord two = bound();
    Lease lease = get(one.acquire(STORE, 0));
    expire();
    assertDone(one, lease, put(1, "a", 50));
    assertThatThrownBy(() -> get(two.acquire(STORE, 0))).isInstanceOf(LeaseHeldException.class);
  }

  @Test
  void anEmptyBatchRenewsALease() {
    SystemOfRecord one = bound();
    SystemOfRecord two = bound();
    Lease lease = get(one.acquire(STORE, 0));
    Duration most = get(one.crew(STORE, null)).leaseTtl().multipliedBy(2).dividedBy(3);
    pass(most);
    get(one.apply(batch(), lease));
    pass(most);
    assertThatThrownBy(() -> get(two.acquire(STORE, 0))).isInstanceOf(LeaseHeldException.class);
  }

  @Test
  void aProcessTakesItsOwnLeaseAnewAtOnce() {
    SystemOfRecord one = bound();
    Lease first = get(one.acquire(STORE, 0));
    Lease second = get(one.acquire(STORE, 0));
    assertThat(second.epoch()).isEqualTo(first.epoch() + 1);
    assertFenced(one, first);
    assertDone(one, second, put(1, "a", 50));
  }

  /** What another worker has done meanwhile is progress, and no database that went back. */
  @Test
  void aLeaseGoesToAndFroAndEachTellsWhatTheOtherDid() {
    SystemOfRecord one = bound();
    SystemOfRecord two = bound();
    for (int round = 0; round < 3; round++) {
      SystemOfRecord next = round % 2 == 0 ? one : two;
      Lease lease = get(next.acquire(STORE, 0));
      assertThat(lease)
          .isEqualTo(
              new Lease(
                  0, round + 1L, round * 10L, round * 1_000_000L, round == 0 ? 0 : batchIds - 1));
      Batch batch =
          new Batch(
              batchIds++, List.of(put(1, "r" + round, 10 * (round + 1))), 1_000_000L * (round + 1));
      assertThat(get(next.apply(batch, lease)).outcomes()).containsOnly(Applied.Done.INSTANCE);
      if (round == 0) {
        get(next.release(lease));
      } else {
        expire();
      }
    }
    assertThat(name(1)).isEqualTo("r2");
  }

  // workers

  @Test
  void whoJoinsIsListedUntilItLeaves() {
    SystemOfRecord one = bound();
    SystemOfRecord two = bound();
    Crew first = get(one.crew(STORE, "a"));
    Crew second = get(two.crew(STORE, "b"));
    assertThat(second.self()).isNotEqualTo(first.self());
    assertThat(second.leaseTtl()).isPositive();
    assertThat(second.workers()).extracting(Crew.Worker::name).containsExactlyInAnyOrder("a", "b");
    assertThat(second.workers())
        .extracting(Crew.Worker::id)
        .containsExactlyInAnyOrder(first.self(), second.self())
        .isSorted();
    assertThat(get(bound().crew(STORE, null)))
        .as("who only looks is none")
        .satisfies(look -> assertThat(look.workers()).isEqualTo(second.workers()));

    assertThat(get(one.crew(STORE, "a")).workers())
        .as("since the first time")
        .isEqualTo(second.workers());
    get(two.leave(STORE));
    get(two.leave(STORE));
    assertThat(get(two.crew(STORE, null)).workers()).isEqualTo(first.workers());
  }

  @Test
  void whoDoesNotSayInTimeThatItLivesIsNotListed() {
    SystemOfRecord one = bound();
    SystemOfRecord two = bound();
    Duration ttl = get(one.crew(STORE, "a")).leaseTtl();
    get(two.crew(STORE, "b"));
    pass(ttl.multipliedBy(2).dividedBy(3));
    get(two.crew(STORE, "b"));
    pass(ttl.multipliedBy(2).dividedBy(3));
    assertThat(get(two.crew(STORE, null)).workers())
        .extracting(Crew.Worker::name)
        .containsExactly("b");
    assertThat(get(one.crew(STORE, "a")).workers()).hasSize(2);
    pass(Duration.ofDays(2));
    assertThat(get(two.crew(STORE, "b")).workers())
        .extracting(Crew.Worker::name)
        .containsExactly("b");
    assertThat(get(one.crew(STORE, "a")).workers()).hasSize(2);
  }

  @Test
  void theCrewTellsHowEachPartitionStands() {
    SystemOfRecord one = bound();
    SystemOfRecord two = bound();
    assertThat(get(two.crew(STORE, null)).partitions())
        .hasSize(PARTITIONS)
        .allSatisfy(
            free -> {
              assertThat(free.owner()).isNull();
              assertThat(free.since()).isNull();
              assertThat(free.epoch()).isZero();
            });
    Lease lease = get(one.acquire(STORE, 2));
    get(one.apply(batch(put(1, "a", 50)), lease));
    Crew crew = get(two.crew(STORE, null));
    assertThat(crew.partitions()).extracting(Crew.Ownership::partition).containsExactly(0, 1, 2, 3);
    Crew.Ownership owned = crew.partitions().get(2);
    assertThat(owned.owner()).isEqualTo(get(one.crew(STORE, null)).self());
    assertThat(owned.expired()).isFalse();
    assertThat(owned.since()).isNotNull();
    assertThat(owned.epoch()).isEqualTo(lease.epoch());
    assertThat(owned.highVersion()).isEqualTo(50);

    get(one.leave(STORE));
    get(one.acquire(STORE, 2));
    Crew.Ownership again = get(two.crew(STORE, null)).partitions().get(2);
    assertThat(again.since()).as("of the same owner").isEqualTo(owned.since());
    assertThat(again.epoch()).isEqualTo(lease.epoch() + 1);

    expire();
    Crew.Ownership expired = get(two.crew(STORE, null)).partitions().get(2);
    assertThat(expired.owner()).isEqualTo(owned.owner());
    assertThat(expired.expired()).isTrue();
    Lease taken = get(two.acquire(STORE, 2));
    Crew.Ownership other = get(one.crew(STORE, null)).partitions().get(2);
    assertThat(other.owner()).isEqualTo(crew.self());
    assertThat(other.expired()).isFalse();
    assertThat(other.since()).isAfter(owned.since());
    get(two.release(taken));
    assertThat(get(one.crew(STORE, null)).partitions().get(2).owner()).isNull();
  }

  @Test
  void aTableThatIsTiedToNobodyHasNoCrew() {
    SystemOfRecord one = process();
    Crew crew = get(one.crew(STORE, "early"));
    assertThat(crew.workers()).isEmpty();
    assertThat(crew.partitions()).isEmpty();
    get(one.bind(STORE, PARTITIONS, false));
    assertThat(get(one.crew(STORE, null)).workers()).isEmpty();
    assertThat(get(one.crew(STORE, "a")).self()).isEqualTo(crew.self());
  }

  // removals

  /** The store has lost its tail: that v5 was written, and the removal. */
  @Test
  void whatWasRemovedDoesNotComeBack() {
    SystemOfRecord one = bound();
    Lease lease = get(one.acquire(STORE, 0));
    assertDone(one, lease, put(1, "v5", 5), put(2, "w5", 5));
    assertDone(one, lease, remove(1, 6));
    assertThat(apply(one, lease, put(1, "v5", 5))).containsExactly(new Applied.Stale(6));
    assertThat(name(1)).isNull();

    SystemOfRecord two = bound();
    expire();
    Lease taken = get(two.acquire(STORE, 0));
    assertThat(apply(two, taken, put(1, "v5", 5), put(2, "w7", 7), put(3, "x5", 5)))
        .containsExactly(new Applied.Stale(6), Applied.Done.INSTANCE, Applied.Done.INSTANCE);
    assertThat(name(1)).isNull();
    assertThat(name(2)).isEqualTo("w7");
    assertThat(name(3)).isEqualTo("x5");
  }

  @Test
  void theVersionOfTheRemovalIsTakenAndANewerOneIsNot() {
    SystemOfRecord one = bound();
    Lease lease = get(one.acquire(STORE, 0));
    assertDone(one, lease, put(1, "v5", 5));
    assertDone(one, lease, remove(1, 6));
    assertThat(apply(one, lease, put(1, "v6", 6))).containsExactly(new Applied.Stale(6));
    assertDone(one, lease, put(1, "v7", 7));
    assertDone(one, lease, put(1, "v7", 7));
    assertThat(apply(one, lease, put(1, "v5", 5))).containsExactly(new Applied.Stale(7));
    assertThat(apply(one, lease, remove(1, 6))).containsExactly(new Applied.Stale(7));
    assertThat(name(1)).isEqualTo("v7");
    assertDone(one, lease, remove(1, 8));
    assertThat(apply(one, lease, put(1, "v7", 7))).containsExactly(new Applied.Stale(8));
    assertThat(name(1)).isNull();
  }

  @Test
  void theRemovalOfWhatIsNotThereIsRememberedToo() {
    SystemOfRecord one = bound();
    Lease lease = get(one.acquire(STORE, 0));
    assertDone(one, lease, remove(1, 6), put(2, "a", 6));
    assertDone(one, lease, remove(1, 6));
    assertDone(one, lease, remove(1, 4));
    assertThat(apply(one, lease, put(1, "v5", 5))).containsExactly(new Applied.Stale(6));
  }

  @Test
  void aBatchOfRemovalsAndOfWhatTheyKeepOut() {
    SystemOfRecord one = bound();
    Lease lease = get(one.acquire(STORE, 0));
    List<Mutation> puts = new ArrayList<>();
    List<Mutation> removes = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      puts.add(put(i, "n" + i, 5));
      if (i % 3 == 0) {
        removes.add(remove(i, 6));
      }
    }
    assertDone(one, lease, puts.toArray(Mutation[]::new));
    removes.add(put(1_000, "new", 6));
    assertDone(one, lease, removes.toArray(Mutation[]::new));
    List<Applied.Outcome> again = apply(one, lease, puts.toArray(Mutation[]::new));
    for (int i = 0; i < 300; i++) {
      assertThat(again.get(i)).isEqualTo(i % 3 == 0 ? new Applied.Stale(6) : Applied.Done.INSTANCE);
      assertThat(name(i)).isEqualTo(i % 3 == 0 ? null : "n" + i);
    }
  }

  // helpers

  private SystemOfRecord process() {
    SystemOfRecord database = factory(dataset).connect(dataset, TYPE);
    opened.add(database);
    return database;
  }

  private SystemOfRecord bound() {
    SystemOfRecord database = process();
    get(database.bind(STORE, PARTITIONS, false));
    return database;
  }

  /** Nobody has renewed anything in time. */
  private void expire() {
    pass(get(opened.get(0).crew(STORE, null)).leaseTtl().plusSeconds(1));
  }

  private Batch batch(Mutation... mutations) {
    List<Mutation> sorted = new ArrayList<>(List.of(mutations));
    sorted.sort(Comparator.comparing(Mutation::key));
    return new Batch(batchIds++, sorted, 0);
  }

  /** The outcomes in the order of the mutations. */
  private List<Applied.Outcome> apply(SystemOfRecord database, Lease lease, Mutation... mutations) {
    Batch batch = batch(mutations);
    List<Applied.Outcome> sorted = get(database.apply(batch, lease)).outcomes();
    List<Applied.Outcome> outcomes = new ArrayList<>();
    for (Mutation mutation : mutations) {
      outcomes.add(sorted.get(batch.mutations().indexOf(mutation)));
    }
    return outcomes;
  }

  private void assertDone(SystemOfRecord database, Lease lease, Mutation... mutations) {
    assertThat(apply(database, lease, mutations)).containsOnly(Applied.Done.INSTANCE);
  }

  private void assertFenced(SystemOfRecord database, Lease lease) {
    assertThatThrownBy(() -> get(database.apply(batch(put(1, "late", 1_000)), lease)))
        .isInstanceOf(FencedException.class);
  }

  private @Nullable String name(long id) {
    Loaded loaded = get(opened.get(0).load(List.of(key(id)))).get(0);
    return loaded.row() == null ? null : (String) loaded.row().get("name");
  }

  private static Key key(long id) {
    return TYPE.key(id);
  }

  private static Mutation.Put put(long id, String name, long version) {
    return new Mutation.Put(key(id), TYPE.rowOf(name), version, id * 1_000 + version);
  }

  private static Mutation.Remove remove(long id, long version) {
    return new Mutation.Remove(key(id), version, id * 1_000 + version);
  }
}
