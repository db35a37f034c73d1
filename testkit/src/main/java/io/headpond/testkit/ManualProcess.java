package io.headpond.testkit;

import io.headpond.Key;
import io.headpond.RowType;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.Crew;
import io.headpond.spi.Environment;
import io.headpond.spi.Lease;
import io.headpond.spi.Loaded;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import io.headpond.spi.SystemOfRecordFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One of several processes on the same {@link ManualEnvironment}: its threads and timers, and its connections to a database. Its tasks stand among those of all others; they are not run
 * any more when it is dead, and wait while it stands still, as after a SIGSTOP. What it has sent before is carried out all the same.
 *
 * <p>For one thread, as its environment.
 */
public final class ManualProcess implements Environment {
  private final ManualEnvironment time;
  private final List<Runnable> held = new ArrayList<>();
  private boolean dead;
  private boolean still;

  /** A process that lives. */
  public ManualProcess(ManualEnvironment time) {
    this.time = time;
  }

  /** Nothing of it runs any more. */
  public void kill() {
    dead = true;
    held.clear();
  }

  /** Whether it was killed. */
  public boolean dead() {
    return dead;
  }

  /** Nothing of it runs until {@link #goOn}; timers that fall due meanwhile are late. */
  public void standStill() {
    still = true;
  }

  /** Goes on where it stood still. */
  public void goOn() {
    still = false;
    List<Runnable> tasks = List.copyOf(held);
    held.clear();
    tasks.forEach(this::execute);
  }

  /** The connections of this process. */
  public SystemOfRecordFactory to(FakeDatabase database) {
    return new SystemOfRecordFactory() {
      @Override
      public SystemOfRecord connect(String dataset, RowType declared) {
        return new Link(database.connect(dataset, declared));
      }

      @Override
      public SystemOfRecord resume(String dataset, RowType declared, byte[] mapping) {
        return new Link(database.resume(dataset, declared, mapping));
      }
    };
  }

  /** Sends a request, unless the process is dead; its answer arrives as a task of the process. */
  <T extends @Nullable Object> CompletionStage<T> send(Supplier<CompletionStage<T>> request) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    if (!dead) {
      request
          .get()
          .whenComplete(
              (value, failure) ->
                  execute(
                      () -> {
                        if (failure == null) {
                          answer.complete(value);
                        } else {
                          answer.completeExceptionally(failure);
                        }
                      }));
    }
    return answer;
  }

  private Runnable guarded(Runnable task) {
    return () -> {
      if (still && !dead) {
        held.add(task);
      } else if (!dead) {
        task.run();
      }
    };
  }

  @Override
  public long wallMicros() {
    return time.wallMicros();
  }

  @Override
  public long nanos() {
    return time.nanos();
  }

  @Override
  public long random() {
    return time.random();
  }

  @Override
  public void execute(Runnable task) {
    time.execute(guarded(task));
  }

  @Override
  public void executeBlocking(Runnable task) {
    execute(task);
  }

  @Override
  public void executeCallback(Runnable task) {
    execute(task);
  }

  @Override
  public Timer schedule(Duration delay, Runnable task) {
    return time.schedule(delay, guarded(task));
  }

  @Override
  public <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return time.await(stage);
  }

  private final class Link implements SystemOfRecord {
    private final SystemOfRecord real;

    private Link(SystemOfRecord real) {
      this.real = real;
    }

    @Override
    public RowType rowType() {
      return real.rowType();
    }

    @Override
    public String description() {
      return real.description();
    }

    @Override
    public CompletionStage<Boolean> bind(StoreId store, int partitions, boolean adopt) {
      return send(() -> real.bind(store, partitions, adopt));
    }

    @Override
    public CompletionStage<Lease> acquire(StoreId store, int partition) {
      return send(() -> real.acquire(store, partition));
    }

    @Override
    public CompletionStage<Crew> crew(StoreId store, @Nullable String join) {
      return send(() -> real.crew(store, join));
    }

    @Override
    public CompletionStage<Void> leave(StoreId store) {
      return send(() -> real.leave(store));
    }

    @Override
    public CompletionStage<Void> release(Lease lease) {
      return send(() -> real.release(lease));
    }

    @Override
    public CompletionStage<Applied> apply(Batch batch, Lease lease) {
      return send(() -> real.apply(batch, lease));
    }

    @Override
    public CompletionStage<List<Loaded>> load(List<Key> keys) {
      return send(() -> real.load(keys));
    }

    @Override
    public CompletionStage<List<Long>> nextKeys(int count) {
      return send(() -> real.nextKeys(count));
    }

    @Override
    public void whenParentsArrive(Runnable listener) {
      real.whenParentsArrive(() -> execute(listener));
    }

    @Override
    public byte[] mapping() {
      return real.mapping();
    }

    @Override
    public void close() {
      real.close();
    }
  }
}
