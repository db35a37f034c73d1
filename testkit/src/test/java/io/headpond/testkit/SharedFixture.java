package io.headpond.testkit;

import io.headpond.CacheBuilder;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.Receipt;
import io.headpond.Row;
import io.headpond.WriteBehindCache;
import io.headpond.spi.Lookup;
import io.headpond.testkit.HistoryChecker.Held;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Several processes with the real engine on one shared store and one database, both in memory, on manual time. */
final class SharedFixture {
  static final Duration LEASE = Duration.ofSeconds(30);

  final ManualEnvironment environment;
  final FakeDatabase database;
  final SharedModel model;
  final HistoryChecker<Key, Row> checker = new HistoryChecker<>();
  final List<Node> nodes = new ArrayList<>();
  int partitions = 6;

  /** The store has lost its tail: a letter may be back that a later write had taken the place of. */
  boolean lostTail;

  SharedFixture() {
    this(1);
  }

  SharedFixture(long seed) {
    environment = ManualEnvironment.shuffled(seed);
    database = new FakeDatabase(environment);
    database.watch(checker);
    model = new SharedModel(environment);
  }

  /** One process. */
  final class Node {
    final String name;
    final ManualProcess process = new ManualProcess(environment);
    private @Nullable WriteBehindCache<Key, Row> cache;

    private Node(String name) {
      this.name = name;
    }

    WriteBehindCache<Key, Row> cache() {
      WriteBehindCache<Key, Row> open = cache;
      if (open == null) {
        throw new IllegalStateException("not open");
      }
      return open;
    }

    CompletableFuture<Receipt> put(long id, @Nullable String value, Durability durability) {
      var attempt =
          checker.begin(
              EngineFixture.key(id), value == null ? null : EngineFixture.row(value), durability);
      CompletableFuture<Receipt> future =
          value == null
              ? cache().removeAsync(EngineFixture.key(id), durability)
              : cache().putAsync(EngineFixture.key(id), EngineFixture.row(value), durability);
      return future.whenComplete(
          (receipt, failure) -> {
            if (failure == null) {
              attempt.acknowledged(receipt.version());
            } else if (failure instanceof OutcomeUnknownException
                || failure.getCause() instanceof OutcomeUnknownException) {
              attempt.unknown();
            } else {
              attempt.failed();
            }
          });
    }

    CompletableFuture<Receipt> put(long id, String value) {
      return put(id, value, Durability.REPLICAS);
    }

    @Nullable String get(long id) {
      Row row = environment.await(cache().getAsync(EngineFixture.key(id)));
      return row == null ? null : (String) row.get("name");
    }

    /** The partitions whose leases it has, as the database says. */
    List<Integer> partitions() {
      return environment.await(cache().workersAsync()).workers().stream()
          .filter(worker -> worker.name().equals(name))
          .flatMap(worker -> worker.partitions().stream())
          .map(io.headpond.Worker.OwnedPartition::partition)
          .toList();
    }

    void kill() {
      process.kill();
    }
  }

  Node worker(String name) {
    return open(name, builder -> builder);
  }

  /** A process that does not bring anything to the database. */
  Node api(String name) {
    return open(name, builder -> builder.flushes(false));
  }

  Node open(String name, UnaryOperator<CacheBuilder<Key, Row>> settings) {
    Node node = new Node(name);
    nodes.add(node);
    node.cache =
        settings
            .apply(
                WriteBehindCache.builder(EngineFixture.TYPE)
                    .name("t")
                    .instance(name)
                    .partitions(partitions)
                    .linger(EngineFixture.LINGER)
                    .store(model.of(node.process))
                    .systemOfRecord(node.process.to(database))
                    .environment(node.process))
            .build();
    environment.run();
    return node;
  }

  /** How many partitions each worker has, the fewest first. */
  List<Integer> shares(Node asked) {
    return environment.await(asked.cache().workersAsync()).workers().stream()
        .map(worker -> worker.partitions().size())
        .sorted(Comparator.naturalOrder())
        .toList();
  }

  void pass(Duration time) {
    environment.advance(time);
  }

  void linger() {
    pass(EngineFixture.LINGER.plusMillis(1));
  }

  /** What breaks the promises, seen from the database and from what is pending or parked. */
  List<String> violations() {
    Map<Key, Held<Row>> present = new HashMap<>();
    database
        .rows()
        .forEach((key, stored) -> present.put(key, new Held<>(stored.value(), stored.version())));
    for (Key key : checker.keys()) {
      Lookup lookup = environment.await(model.journal().get(key));
      FakeDatabase.Stored row = database.row(key);
      boolean superseded = lostTail && row != null && row.version() > lookup.version();
      if (lookup.state() == EntryState.PENDING
          || (lookup.state() == EntryState.PARKED && !superseded)) {
        present.put(key, new Held<>(lookup.row(), lookup.version()));
      }
    }
    return checker.violations(present);
  }

  /** What was changed in the database twice. */
  List<String> twice() {
    List<String> seen = new ArrayList<>();
    List<String> twice = new ArrayList<>();
    for (String change : database.log()) {
      (seen.contains(change) ? twice : seen).add(change);
    }
    return twice;
  }
}
