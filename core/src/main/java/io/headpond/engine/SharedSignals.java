package io.headpond.engine;

import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.UnavailableException;
import io.headpond.spi.SharedStore;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What other processes did, told to who waits for it here. Thread-safe. */
final class SharedSignals implements SharedStore.Signals {
  private final Core core;
  private final Engine engine;
  private final Flusher[] flushers;
  private final Reopening reopening;

  SharedSignals(Core core, Engine engine, Flusher[] flushers, Reopening reopening) {
    this.core = core;
    this.engine = engine;
    this.flushers = flushers;
    this.reopening = reopening;
  }

  @Override
  public void written(int partition, int ready) {
    flushers[partition].writtenElsewhere(ready);
  }

  @Override
  public void flushAsked(int partition) {
    flushers[partition].flushAsked();
  }

  @Override
  public void settled(List<SharedStore.Settled> settled) {
    // Writers are slowed down to what the database takes, whoever brings it there.
    core.statistics().flushRate.add((int) settled.stream().filter(one -> !ours(one.key())).count());
    core.settlements().settledElsewhere(settled);
    engine.released(settled.stream().map(SharedStore.Settled::key).toList());
  }

  /** Whether this process has counted what was settled of it; it may hear its own signals too. */
  private boolean ours(Key key) {
    return flushers[key.partition(flushers.length)].owned();
  }

  @Override
  public void parked(Key key, long version, String message) {
    core.settlements().parked(key, version, message);
    engine.released(List.of(key));
  }

  @Override
  public void answered(long writeId, @Nullable HeadpondException failure) {
    // Nothing of it is left there, and it may go through a little later.
    engine.answered(
        writeId,
        failure instanceof UnavailableException
            ? new NotNowException(Failures.message(failure))
            : failure);
  }

  @Override
  public void closed(int partition) {
    if (flushers[partition].owned() && !flushers[partition].stopped()) {
      flushers[partition].closed();
    } else {
      reopening.closed(partition);
    }
  }

  @Override
  public void missed() {
    engine.lookAgain();
    for (Flusher flusher : flushers) {
      if (flusher.owned()) {
        flusher.askAndLook();
      }
    }
  }
}
