package io.headpond.engine;

import io.headpond.spi.Opened;
import java.time.Duration;
import java.util.BitSet;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says that the store has forgotten something, in one line for the partitions that are found in this state together. Thread-safe. */
final class Forgotten {
  private static final Logger log = LoggerFactory.getLogger(Forgotten.class);
  private static final Duration TOGETHER = Duration.ofSeconds(1);

  private final Core core;
  private BitSet found = new BitSet();

  Forgotten(Core core) {
    this.core = core;
  }

  /** A partition has been opened. */
  void opened(int partition, Opened with) {
    if (with.lostUntil() == 0) {
      return;
    }
    boolean first;
    synchronized (this) {
      first = found.isEmpty();
      found.set(partition);
    }
    if (first) {
      core.environment().schedule(TOGETHER, this::say);
    }
  }

  private void say() {
    BitSet all;
    synchronized (this) {
      all = found;
      found = new BitSet();
    }
    log.warn(
        "{}: the store has forgotten what it was told last of {}: it was emptied, began without its data, or a replica took over that did not have all",
        core.settings().name(),
        Partitions.text(all, core.settings().partitions()));
  }
}
