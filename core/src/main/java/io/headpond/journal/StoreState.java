package io.headpond.journal;

import io.headpond.Key;
import io.headpond.UnavailableException;
import io.headpond.spi.Environment;
import io.headpond.spi.FencedException;
import io.headpond.spi.HotStoreFactory;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** What the parts of a store share. */
final class StoreState {
  final HotStoreFactory.Settings settings;
  final Environment environment;
  final Partition[] partitions;
  final ConcurrentHashMap<Key, HotEntry> entries = new ConcurrentHashMap<>();
  final CleanValues clean;
  final Limits limits;
  final LetterIndex letters;
  final Journal journal;
  final Requests requests;

  /** For the records of one call; per store, so that a closed one leaves nothing behind in the threads. */
  final ThreadLocal<Group> group = ThreadLocal.withInitial(Group::new);

  volatile boolean closed;

  StoreState(
      HotStoreFactory.Settings settings,
      Partition[] partitions,
      Limits limits,
      LetterIndex letters,
      Journal journal,
      Requests requests) {
    this.settings = settings;
    this.environment = settings.environment();
    this.partitions = partitions;
    this.journal = journal;
    this.requests = requests;
    this.clean = new CleanValues(settings.cacheSize(), settings.ttl(), environment);
    this.limits = limits;
    this.letters = letters;
  }

  Partition partition(Key key) {
    return partitions[key.partition(partitions.length)];
  }

  /** Refuses if the store takes no writes any more. Within a partition's lock, so that nothing slips past a close. */
  void checkWritable() {
    checkOpen();
    if (journal.failure() != null) {
      throw journal.refused();
    }
  }

  void checkOpen() {
    if (closed) {
      throw new UnavailableException("the hot store of " + settings.dataset() + " is closed");
    }
  }

  void checkEpoch(Partition partition, long epoch) {
    if (epoch < partition.epoch) {
      throw new FencedException(
          settings.dataset()
              + ": partition "
              + partition.number
              + " has been opened with epoch "
              + partition.epoch
              + ", this is "
              + epoch);
    }
  }

  static final CompletableFuture<@Nullable Void> DONE = CompletableFuture.completedFuture(null);
}
