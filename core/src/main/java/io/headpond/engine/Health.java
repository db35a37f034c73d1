package io.headpond.engine;

import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.spi.PartitionStats;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Why a cache is not as well as it could be: one sentence for each reason. What the database said is given in its words, which may quote a value. Thread-safe. */
final class Health {
  /** How long an entry may be pending beyond its linger, and a batch may be under way. */
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  private final Core core;
  private final Flusher[] flushers;
  private final LateStart lateStart;
  private final @Nullable Ownership ownership;

  /** That of writes which say none. */
  private final Durability durability;

  /**
   * @param ownership null where the store is not shared
   */
  Health(Core core, Flusher[] flushers, LateStart lateStart, @Nullable Ownership ownership) {
    this.core = core;
    this.flushers = flushers;
    this.lateStart = lateStart;
    this.ownership = ownership;
    Durability chosen = core.settings().durability();
    this.durability = chosen == null ? core.store().strongest() : chosen;
  }

  /** Of the whole cache, as far as health goes. */
  private static final class Sums {
    private int pending;
    private long bytes;
    private int deferred;
    private int parked;
    private int conflicts;
    private long readyAgeNanos;
    private long cycleNanos;
  }

  /**
   * All reasons.
   *
   * @param refusing why no writes are taken; null while they are
   * @param stopped whether nothing else matters
   */
  List<String> reasons(@Nullable HeadpondException refusing, boolean stopped) {
    List<String> reasons = new ArrayList<>();
    Throwable storeFailure = core.store().failure();
    if (storeFailure != null) {
      reasons.add("the hot store refuses writes: " + Failures.message(storeFailure));
    }
    if (refusing != null) {
      reasons.add(Failures.message(refusing));
    }
    if (!stopped) {
      troubles(reasons);
      List<String> ofStore = core.store().reasons();
      reasons.addAll(ofStore);
      // The reasons of the store say it better.
      if (ofStore.isEmpty() && !core.store().keeps(durability)) {
        reasons.add(
            "writes are refused: "
                + core.store().id().description()
                + " does not keep "
                + durability
                + " any more; the refusals name the setting that is in the way");
      }
      if (ownership != null) {
        reasons.addAll(ownership.reasons());
      }
    }
    String late = lateStart.reason();
    if (late != null) {
      reasons.add(late);
    }
    Sums sums = sums();
    pressure(sums, reasons);
    refusals(sums, reasons);
    return reasons;
  }

  private Sums sums() {
    Sums sums = new Sums();
    for (int i = 0; i < flushers.length; i++) {
      PartitionStats stats = core.store().stats(i);
      sums.pending += stats.pending() + stats.staged();
      sums.bytes += stats.bytes();
      sums.deferred += stats.deferred();
      sums.parked += stats.parked();
      sums.conflicts += stats.conflicts();
      sums.readyAgeNanos = Math.max(sums.readyAgeNanos, flushers[i].readyAgeNanos(stats));
      sums.cycleNanos = Math.max(sums.cycleNanos, flushers[i].cycleNanos());
    }
    return sums;
  }

  private record Kind(Trouble.Kind kind, String message) {}

  /** Partitions that have the same trouble are one reason. */
  private void troubles(List<String> reasons) {
    Map<Kind, List<Trouble>> byKind = new LinkedHashMap<>();
    for (Flusher flusher : flushers) {
      Trouble trouble = flusher.trouble();
      if (trouble != null) {
        byKind
            .computeIfAbsent(new Kind(trouble.kind(), trouble.message()), k -> new ArrayList<>())
            .add(trouble);
      }
    }
    byKind.forEach((of, all) -> reasons.add(text(of, all)));
  }

  private static String text(Kind of, List<Trouble> all) {
    String partitions = all.size() + (all.size() == 1 ? " partition" : " partitions");
    String what =
        switch (of.kind()) {
          case OUTAGE -> "the database cannot be written to: ";
          case STORE -> "the hot store does not answer: ";
          case BLOCKED -> "nothing is written to the database until somebody acts: ";
          case FAILED -> "a flusher failed and was restarted: ";
          case STOPPED -> "";
        };
    if (of.kind() == Trouble.Kind.STOPPED) {
      return of.message() + " (" + partitions + ")";
    }
    long since = all.stream().mapToLong(Trouble::sinceMicros).min().orElse(0);
    int attempts = all.stream().mapToInt(Trouble::attempts).max().orElse(0);
    return what
        + of.message()
        + " (since "
        + Instant.EPOCH.plus(since, ChronoUnit.MICROS).truncatedTo(ChronoUnit.SECONDS)
        + ", "
        + (attempts == 1 ? "1 attempt" : attempts + " attempts")
        + ", "
        + partitions
        + ")";
  }

  private void pressure(Sums sums, List<String> reasons) {
    int maxEntries = core.settings().maxPendingEntries();
    long maxBytes = core.settings().maxPendingBytes();
    if (sums.pending > maxEntries / 2) {
      reasons.add(
          "more than half full: " + sums.pending + " of " + maxEntries + " entries are pending");
    }
    if (sums.bytes > maxBytes / 2) {
      reasons.add("more than half full: " + sums.bytes + " of " + maxBytes + " bytes are pending");
    }
    Duration target = core.settings().targetLag();
    Duration most =
        target == null ? core.settings().linger().plus(PATIENCE) : target.multipliedBy(2);
    if (sums.readyAgeNanos > most.toNanos()) {
      reasons.add(
          "the oldest entry has been pending for "
              + Duration.ofNanos(sums.readyAgeNanos).toSeconds()
              + " s, more than "
              + most.toMillis() / 1_000.0
              + " s");
    }
    if (sums.cycleNanos > PATIENCE.toNanos()) {
      reasons.add(
          "a batch has been under way for "
              + Duration.ofNanos(sums.cycleNanos).toSeconds()
              + " s without an answer");
    }
  }

  private void refusals(Sums sums, List<String> reasons) {
    String refusal = core.statistics().lastRefusal;
    String words = refusal == null ? "" : "; it said: " + refusal;
    int refused = sums.parked - sums.conflicts;
    if (sums.deferred > 0) {
      reasons.add(entries(sums.deferred) + " refused by the database and tried again" + words);
    }
    if (refused > 0) {
      reasons.add(entries(refused) + " parked: the database refused every try" + words);
    }
    if (sums.conflicts > 0) {
      reasons.add(
          entries(sums.conflicts) + " parked: the database has a newer version that is not ours");
    }
  }

  private static String entries(int count) {
    return count == 1 ? "1 entry is" : count + " entries are";
  }
}
