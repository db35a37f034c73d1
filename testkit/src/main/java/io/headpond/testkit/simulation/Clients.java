package io.headpond.testkit.simulation;

import io.headpond.Condition;
import io.headpond.ConditionFailedException;
import io.headpond.Durability;
import io.headpond.Entry;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.OverloadedException;
import io.headpond.Receipt;
import io.headpond.RejectedException;
import io.headpond.RequestConflictException;
import io.headpond.RequestId;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.Updated;
import io.headpond.WriteBehindCache;
import io.headpond.WriteOptions;
import io.headpond.testkit.FakeDatabase;
import io.headpond.testkit.HistoryChecker;
import io.headpond.testkit.simulation.Coverage.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Who writes and reads: asks without waiting for what was asked before, and tells the checker what it is told. */
final class Clients {
  /** How a write is asked for. */
  interface Send {
    CompletableFuture<Done> to(WriteBehindCache<Key, Row> cache, WriteOptions options);
  }

  /**
   * What is to be written.
   *
   * @param row what it leaves; null for nothing, or if that depends on what is there
   * @param madeBy tells whether a value has it, if it depends on what is there
   * @param expected the version that must be there; 0 for any
   */
  record Write(
      Key key,
      @Nullable Row row,
      @Nullable Predicate<Row> madeBy,
      long expected,
      Send send,
      String name) {}

  /** What came of a write. {@code made} is what it left, if that is {@code known}. */
  record Done(Receipt receipt, @Nullable Row made, boolean known) {
    static Done of(Updated<Row> updated) {
      return new Done(updated.receipt(), updated.value(), !updated.receipt().repeated());
    }
  }

  private final World world;
  private final Refused refused;
  private final HistoryChecker<Key, Row> checker;
  private final Random random;
  private final Set<Answer> open = new LinkedHashSet<>();
  private final Map<Object, String> waiting = new LinkedHashMap<>();
  private final List<Request> requests = new ArrayList<>();
  private final Map<Key, Long> lastRead = new HashMap<>();
  private final Map<Key, Integer> digits = new HashMap<>();
  private int words;

  Clients(World world, Refused refused) {
    this.world = world;
    this.refused = refused;
    this.checker = world.checker;
    this.random = world.random;
  }

  /** Asks for something. */
  void act(Instance instance) {
    switch (random.nextInt(24)) {
      case 0, 1, 2, 3, 4, 5 -> put(instance);
      case 6, 7 -> remove(instance);
      case 8, 9 -> update(instance);
      case 10, 11 -> increment(instance);
      case 12, 13, 14, 15, 16 -> read(instance, key());
      case 17 -> readAll(instance);
      case 18 -> flush(instance);
      case 19 -> invalidate(instance);
      case 20, 21 -> sendAgain(instance);
      case 22 -> {
        load(instance);
        impatient(instance);
      }
      default -> conditional(instance);
    }
  }

  /** What a process was doing for clients will not be answered. */
  void abandon() {
    open.forEach(Answer::unknown);
    open.clear();
    waiting.clear();
    refused.restarted();
  }

  /** What has not been answered. */
  List<String> unanswered() {
    List<String> all = new ArrayList<>(waiting.values());
    open.forEach(answer -> all.add(answer.toString()));
    return all;
  }

  Key key() {
    return Values.key(random.nextInt(world.scenario.keys));
  }

  /** A word that nobody has written. */
  String word(String kind) {
    return kind + ++words;
  }

  private String markedWord(String kind) {
    String word = word(kind);
    if (world.strikes(Fault.BAD_ROWS)) {
      world.count(Fault.BAD_ROWS);
      word = Values.bad(word);
    }
    if (world.strikes(Fault.KILLER_ROWS)) {
      world.count(Fault.KILLER_ROWS);
      word = Values.killer(word);
    }
    return word;
  }

  private String padding() {
    int padding = world.scenario.padding;
    return padding == 0 ? "" : "~".repeat(random.nextInt(padding));
  }

  private void put(Instance instance) {
    put(instance, key());
  }

  private void put(Instance instance, Key key) {
    Row row = Values.of(markedWord("p") + padding());
    world.count(State.PUT);
    ask(
        instance,
        new Write(
            key,
            row,
            null,
            0,
            (cache, options) ->
                cache.putAsync(key, row, options).thenApply(done -> new Done(done, row, true)),
            "put"));
  }

  private void remove(Instance instance) {
    Key key = key();
    world.count(State.REMOVE);
    ask(
        instance,
        new Write(
            key,
            null,
            null,
            0,
            (cache, options) ->
                cache.removeAsync(key, options).thenApply(done -> new Done(done, null, true)),
            "remove"));
  }

  private void conditional(Instance instance) {
    Key key = key();
    Long seen = lastRead.get(key);
    Condition condition =
        switch (random.nextInt(4)) {
          case 0 -> Condition.absent();
          case 1 -> Condition.present();
          default -> seen == null ? Condition.present() : Condition.version(seen);
        };
    long expected = seen != null && condition instanceof Condition.Versions ? seen : 0;
    Row row = random.nextInt(3) == 0 ? null : Values.of(markedWord("c"));
    ask(
        instance,
        new Write(
            key,
            row,
            null,
            expected,
            (cache, options) -> {
              WriteOptions under = options.condition(condition);
              return (row == null ? cache.removeAsync(key, under) : cache.putAsync(key, row, under))
                  .thenApply(done -> new Done(done, row, true));
            },
            "if " + condition));
  }

  private void update(Instance instance) {
    Key key = key();
    String word = markedWord("u");
    world.count(State.UPDATE);
    ask(
        instance,
        new Write(
            key,
            null,
            row -> Values.has(row, word),
            0,
            (cache, options) ->
                cache.updateAsync(key, row -> Values.with(row, word), options).thenApply(Done::of),
            "update " + word));
  }

  private void increment(Instance instance) {
    Key key = key();
    int digit = digits.merge(key, 1, Integer::sum) - 1;
    world.count(State.INCREMENT);
    ask(
        instance,
        new Write(
            key,
            null,
            row -> Values.digit(row, digit) > 0,
            0,
            (cache, options) ->
                cache.incrementAsync(key, Values.increment(digit), options).thenApply(Done::of),
            "increment digit " + digit));
  }

  private void ask(Instance instance, Write write) {
    Durability durability = world.scenario.durability(random);
    boolean kept = durability == Durability.JOURNAL || durability == Durability.DISK;
    if (kept && random.nextInt(6) == 0) {
      Request request = new Request(world, write, durability, word("r"));
      requests.add(request);
      send(instance, write, durability, request.id(), request.begin(instance));
    } else {
      send(instance, write, durability, null, new Once(world, write, durability));
    }
  }

  private void sendAgain(Instance instance) {
    if (!requests.isEmpty()) {
      Request request = requests.get(random.nextInt(requests.size()));
      Answer answer = request.send(instance);
      if (answer != null) {
        send(instance, request.write(), request.durability(), request.id(), answer);
      }
    }
  }

  private void send(
      Instance instance,
      Write write,
      Durability durability,
      @Nullable RequestId id,
      Answer answer) {
    WriteOptions options = WriteOptions.defaults().durability(durability);
    if (id != null) {
      options = options.request(id);
    }
    if (durability == Durability.DATABASE) {
      world.count(State.DATABASE_WRITE);
    }
    world.log("ask", write.key, write.name, write.row, durability, id);
    open.add(answer);
    write
        .send
        .to(instance.cache(), options)
        .whenComplete(
            (done, failure) -> {
              if (instance.alive() && open.remove(answer)) {
                if (failure == null) {
                  acknowledged(write, durability, answer, done);
                } else {
                  failed(write, answer, durability, unwrapped(failure));
                }
              }
            });
  }

  private void acknowledged(Write write, Durability durability, Answer answer, Done done) {
    long version = done.receipt.version();
    world.log("done", write.key, write.name, "version", version, done.receipt.repeated());
    answer.acknowledged(done);
    if (!done.receipt.repeated()) {
      if (write.expected != 0) {
        world.count(State.CONDITION_HELD);
      }
      if (durability == Durability.DATABASE
          && !world.wentBack
          && checker.applied(write.key) < version) {
        world.violation("acknowledged at DATABASE, which does not have it: " + answer);
      }
    }
    if (random.nextInt(3) == 0) {
      watch(write.key, version, done.receipt);
    }
  }

  /** Whoever waits for a settlement is told the truth. */
  private void watch(Key key, long version, Receipt receipt) {
    Object token = new Object();
    waiting.put(token, "settlement of version " + version + " of " + Values.text(key));
    receipt
        .settled()
        .whenComplete(
            (done, failure) -> {
              if (waiting.remove(token) == null) {
                return;
              }
              if (failure == null) {
                if (!world.wentBack
                    && checker.applied(key) < version
                    && !foreignSince(key, version)
                    && !checker.wasDiscarded(key, version)) {
                  world.violation(
                      "settled, and the database does not have version "
                          + version
                          + " of "
                          + Values.text(key));
                }
              } else if (!(unwrapped(failure) instanceof RejectedException)
                  && !(unwrapped(failure) instanceof UnavailableException)) {
                unexpected("a settlement", unwrapped(failure));
              }
            });
  }

  /** Whether another program's row is there, which is newer. */
  private boolean foreignSince(Key key, long version) {
    if (version <= refused.parkedEarlier(key)) {
      return true;
    }
    FakeDatabase.Stored row = world.database.row(key);
    return row != null && row.version() >= version;
  }

  private void failed(Write write, Answer answer, Durability durability, Throwable failure) {
    world.log("failed", write.key, write.name, failure);
    if (failure instanceof OutcomeUnknownException) {
      world.count(State.UNKNOWN_OUTCOME);
      answer.unknown();
      return;
    }
    answer.failed();
    if (failure instanceof ConditionFailedException) {
      world.count(State.CONDITION_FAILED);
    } else if (failure instanceof OverloadedException) {
      world.count(State.OVERLOADED);
    } else if (failure instanceof RejectedException && durability == Durability.DATABASE) {
      world.count(State.DATABASE_WRITE_REFUSED);
    } else if (failure instanceof UnavailableException) {
      world.count(State.FAILED_WRITE);
    } else if (!(failure instanceof RequestConflictException)) {
      unexpected(write.name, failure);
    }
  }

  private void unexpected(String what, Throwable failure) {
    world.violation(what + " failed with " + World.stackTrace(failure));
  }

  void read(Instance instance, Key key) {
    HistoryChecker<Key, Row>.Read read = checker.beginRead(key);
    waiting.put(read, "read of " + Values.text(key));
    world.log("read", key);
    instance
        .cache()
        .entryAsync(key)
        .whenComplete(
            (entry, failure) -> {
              if (instance.alive() && waiting.remove(read) != null) {
                if (failure == null) {
                  world.count(State.READ);
                  returned(key, read, entry);
                } else {
                  readFailed(unwrapped(failure));
                }
              }
            });
  }

  private void returned(Key key, HistoryChecker<Key, Row>.Read read, Entry<Row> entry) {
    world.log("read", key, "gave", entry);
    if (entry.exists()) {
      lastRead.put(key, entry.version());
      String wrong = entry.value() == null ? null : Values.wrong(entry.value());
      if (wrong != null) {
        world.violation("a read of " + Values.text(key) + " gave " + wrong);
      }
      if (Values.words(entry.value()).stream().anyMatch(word -> word.startsWith("f"))) {
        world.count(State.READ_OF_A_FOREIGN_ROW);
      }
    } else {
      world.count(State.READ_OF_AN_ABSENT_ENTRY);
    }
    // Without a version column the version of a row that was loaded is the load's.
    read.returned(entry.value(), world.scenario.versioned ? entry.version() : 0);
  }

  private void readFailed(Throwable failure) {
    world.count(State.READ_FAILED);
    if (!(failure instanceof UnavailableException)) {
      unexpected("a read", failure);
    }
  }

  /** Reads an entry before it is written and again when it has gone to the database, without waiting for anything. */
  private void impatient(Instance instance) {
    Key key = key();
    read(instance, key);
    put(instance, key);
    flush(instance);
    world.time.schedule(
        Duration.ofMillis(random.nextInt(500)),
        () -> {
          if (instance.up()) {
            read(instance, key);
          }
        });
  }

  void readAll(Instance instance) {
    Map<Key, HistoryChecker<Key, Row>.Read> reads = new LinkedHashMap<>();
    for (int i = 0; i < world.scenario.keys; i++) {
      reads.put(Values.key(i), checker.beginRead(Values.key(i)));
    }
    waiting.put(reads, "read of all");
    world.log("read all");
    instance
        .cache()
        .entriesAsync(reads.keySet())
        .whenComplete(
            (entries, failure) -> {
              if (instance.alive() && waiting.remove(reads) != null) {
                if (failure == null) {
                  world.count(State.READ_ALL);
                  entries.forEach(
                      (key, entry) -> returned(key, Objects.requireNonNull(reads.get(key)), entry));
                } else {
                  readFailed(unwrapped(failure));
                }
              }
            });
  }

  private void load(Instance instance) {
    follow(instance, instance.cache().loadAsync(key()), "load");
  }

  private void flush(Instance instance) {
    world.log("flush");
    world.count(State.FLUSHED);
    follow(
        instance,
        random.nextBoolean()
            ? instance.cache().flushAsync()
            : instance.cache().flushAsync(1 + random.nextInt(3)),
        "flush");
  }

  private void invalidate(Instance instance) {
    Key key = key();
    world.log("invalidate", key);
    world.count(State.INVALIDATED);
    follow(instance, instance.cache().invalidateAsync(key), "invalidation");
  }

  private void follow(Instance instance, CompletableFuture<?> future, String what) {
    waiting.put(future, what);
    future.whenComplete(
        (done, failure) -> {
          if (instance.alive()
              && waiting.remove(future) != null
              && failure != null
              && !(unwrapped(failure) instanceof UnavailableException)) {
            unexpected(what, unwrapped(failure));
          }
        });
  }

  static Throwable unwrapped(Throwable failure) {
    Throwable cause = failure.getCause();
    return failure instanceof CompletionException && cause != null ? cause : failure;
  }
}
