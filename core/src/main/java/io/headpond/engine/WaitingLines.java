package io.headpond.engine;

import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.Receipt;
import io.headpond.spi.Environment;
import io.headpond.spi.HotStore;
import io.headpond.spi.TenantColumn;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.spi.WriteOutcome.Full;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.BiFunction;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Where writes wait for room, in the order in which they came, each until its deadline; a line for each tenant that waits, so that nobody stands behind a
 * tenant that has too much, and one line if there are no tenants. Thread-safe.
 */
final class WaitingLines {
  private static final Key EVERYBODY = Key.ofCanonical(new byte[0]);

  /** Writes of one tenant; there as long as it holds any. */
  private static final class Line {
    private final ArrayDeque<Waiting> writes = new ArrayDeque<>();
    private final Map<Key, Integer> keys = new HashMap<>();

    /** Room was freed while the store was asked. Used in {@link #retries}. */
    private boolean again;
  }

  private static final class Waiting {
    private final Write write;
    private final Line line;
    private final CompletableFuture<Receipt> result = new CompletableFuture<>();
    private Environment.@Nullable Timer deadline;

    /** The store has been asked: the write can no longer be said to have failed. Used in {@link #retries}. */
    private boolean busy;

    /** Why it fails if the store says that there is no room. Used in {@link #retries}. */
    private @Nullable HeadpondException late;

    private Waiting(Write write, Line line) {
      this.write = write;
      this.line = line;
    }
  }

  private final Core core;
  private final HotStore store;
  private final Environment environment;
  private final Duration patience;
  private final Function<String, HeadpondException> full;
  private final BiFunction<Write, WriteOutcome, CompletableFuture<Receipt>> conclusion;
  private final @Nullable TenantColumn column;
  private final SerialExecutor retries;

  /** Guards the lines and {@link #room}. */
  private final Object lock = new Object();

  private final Map<Key, Line> lines = new HashMap<>();
  private final WaitingRoom room;

  /** How many wait; read without the lock. */
  private volatile int waiting;

  private @Nullable HeadpondException closed;

  /**
   * @param full the error for who finds no room, with what has happened
   * @param conclusion what follows from an outcome that is not {@link Full}, for one that has waited
   */
  WaitingLines(
      Core core,
      Function<String, HeadpondException> full,
      BiFunction<Write, WriteOutcome, CompletableFuture<Receipt>> conclusion) {
    this.core = core;
    this.store = core.store();
    this.environment = core.environment();
    this.patience = core.settings().overload().deadline();
    this.full = full;
    this.conclusion = conclusion;
    this.column = TenantColumn.of(core.systemOfRecord().rowType(), core.settings().tenant());
    this.room = new WaitingRoom(column);
    this.retries = new SerialExecutor(environment);
  }

  int size() {
    return waiting;
  }

  /** Whether a write of this key would have to stand behind another one: of its own key if it needs no room. */
  boolean blocks(Key key, boolean needsNoRoom) {
    if (waiting == 0) {
      return false;
    }
    synchronized (lock) {
      Line line = lines.get(tenant(key));
      return line != null && (!needsNoRoom || line.keys.containsKey(key));
    }
  }

  /** Waits for room; fails at once if nobody may wait, or no more. */
  CompletableFuture<Receipt> join(Write write) {
    Waiting entry;
    synchronized (lock) {
      HeadpondException reason = closed;
      if (reason == null && (patience.isZero() || !room.enter(write.key()))) {
        reason = full.apply("as much is pending as may be: ");
      }
      if (reason != null) {
        core.refused(reason);
        return CompletableFuture.failedFuture(reason);
      }
      entry = new Waiting(write, lines.computeIfAbsent(tenant(write.key()), key -> new Line()));
      entry.line.writes.add(entry);
      entry.line.keys.merge(write.key(), 1, Integer::sum);
      waiting = room.size();
    }
    entry.deadline =
        environment.schedule(
            patience,
            () ->
                retries.execute(
                    () -> {
                      fail(
                          entry,
                          full.apply(
                              "no room within "
                                  + patience.toMillis()
                                  + " ms; as much is pending as may be: "));
                      // What stands behind it may be smaller.
                      admit(entry.line);
                    }));
    // What freed room before this one stood in line has not seen it.
    retries.execute(() -> admit(entry.line));
    return entry.result;
  }

  /** There may be room for the first of each line. */
  void roomFreed() {
    if (waiting > 0) {
      retries.execute(
          () -> {
            for (Line line : lines()) {
              line.again = true;
              admit(line);
            }
          });
    }
  }

  /** Nobody waits any more. */
  void close(HeadpondException reason) {
    synchronized (lock) {
      if (closed == null) {
        closed = reason;
      }
    }
    retries.execute(
        () -> {
          for (Line line : lines()) {
            List<Waiting> all;
            synchronized (lock) {
              all = List.copyOf(line.writes);
            }
            all.forEach(entry -> fail(entry, reason));
          }
        });
  }

  private Key tenant(Key key) {
    return column == null ? EVERYBODY : column.of(key);
  }

  private List<Line> lines() {
    synchronized (lock) {
      return new ArrayList<>(lines.values());
    }
  }

  /** Lets in from the head of a line until there is no more room for it. Runs in {@link #retries}. */
  private void admit(Line line) {
    Waiting head;
    synchronized (lock) {
      head = line.writes.peek();
    }
    if (head == null || head.busy) {
      return;
    }
    head.busy = true;
    line.again = false;
    store
        .put(head.write)
        .whenComplete(
            (outcome, failure) -> retries.execute(() -> answered(head, outcome, failure)));
  }

  private void answered(Waiting head, @Nullable WriteOutcome outcome, @Nullable Throwable failure) {
    head.busy = false;
    if (failure != null) {
      leave(head);
      Throwable cause = Failures.cause(failure);
      core.refused(cause);
      environment.executeCallback(() -> head.result.completeExceptionally(cause));
    } else if (outcome != null && !(outcome instanceof Full)) {
      leave(head);
      CompletableFuture<Receipt> concluded = conclusion.apply(head.write, outcome);
      environment.executeCallback(() -> Failures.pass(concluded, head.result));
    } else if (head.late != null) {
      fail(head, head.late);
    } else if (!head.line.again) {
      return;
    }
    admit(head.line);
  }

  /** Ends a wait without success, unless the store has been asked and may yet say yes. */
  private void fail(Waiting entry, HeadpondException reason) {
    if (entry.busy) {
      entry.late = reason;
    } else if (leave(entry)) {
      core.refused(reason);
      environment.executeCallback(() -> entry.result.completeExceptionally(reason));
    }
  }

  private boolean leave(Waiting entry) {
    Environment.Timer deadline = entry.deadline;
    if (deadline != null) {
      deadline.cancel();
    }
    Key key = entry.write.key();
    synchronized (lock) {
      Line line = entry.line;
      if (!line.writes.remove(entry)) {
        return false;
      }
      line.keys.computeIfPresent(key, (k, count) -> count == 1 ? null : count - 1);
      if (line.writes.isEmpty()) {
        lines.remove(tenant(key));
      }
      room.leave(key);
      waiting = room.size();
      return true;
    }
  }
}
