package io.headpond.testkit.simulation;

import io.headpond.CacheSettings;
import io.headpond.Durability;
import io.headpond.Overload;
import java.time.Duration;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * What a run is like: how large, with which settings, and what can go wrong in it. Made from a seed. Each run has some of the faults only, so that none of them
 * always hides the others.
 */
final class Scenario {
  /** The share of runs in which a fault can strike. */
  private static final double ENABLED = 0.3;

  /** How often each fault strikes where it can: with each step of a run, for each request, or in each row that is written. */
  private static final Map<Fault, Double> RATES = new EnumMap<>(Fault.class);

  static {
    RATES.put(Fault.KILL, 0.02);
    RATES.put(Fault.KILL_IN_DISK_OPERATION, 0.02);
    RATES.put(Fault.POWER_LOSS, 0.02);
    RATES.put(Fault.RESTART, 0.01);
    RATES.put(Fault.ZOMBIE, 0.01);
    RATES.put(Fault.CLOCK_JUMP, 0.03);
    RATES.put(Fault.OUTAGE, 0.03);
    RATES.put(Fault.LOADS_FAIL, 0.03);
    RATES.put(Fault.DISK_FULL, 0.02);
    RATES.put(Fault.DISK_FAILS, 0.01);
    RATES.put(Fault.BAD_ROWS, 0.15);
    RATES.put(Fault.KILLER_ROWS, 0.05);
    RATES.put(Fault.REFUSED_FOR_A_WHILE, 0.05);
    RATES.put(Fault.LOCKED, 0.05);
    RATES.put(Fault.FOREIGN_WRITE, 0.04);
    RATES.put(Fault.WENT_BACK, 0.01);
    RATES.put(Fault.DEADLOCK, 0.1);
    RATES.put(Fault.LOST_REQUEST, 0.1);
    RATES.put(Fault.LOST_REPLY, 0.1);
    RATES.put(Fault.LOST_COMMIT, 0.1);
    RATES.put(Fault.LATE, 0.1);
    RATES.put(Fault.TWICE, 0.1);
    RATES.put(Fault.TWICE_AND_LATE, 0.1);
    RATES.put(Fault.SLOW, 0.3);
    RATES.put(Fault.SLOW_LOADS, 0.7);
    RATES.put(Fault.SLOW_STORE, 0.3);
    RATES.put(Fault.OTHER_SETTINGS, 0.5);
  }

  final long seed;
  final int operations;
  final int keys;
  final int partitions;
  final int segmentSize;
  final int padding;

  /** Whether the table has a version column. */
  final boolean versioned;

  private final List<Durability> durabilities;
  private final Map<Fault, Double> rates = new EnumMap<>(Fault.class);
  private CacheSettings settings;

  Scenario(long seed) {
    this.seed = seed;
    Random random = new Random(seed * 0x9e3779b97f4a7c15L);
    operations = 100 + random.nextInt(200);
    keys = pick(random, 1, 2, 3, 5, 8, 12);
    partitions = pick(random, 1, 1, 2, 4);
    segmentSize = pick(random, 1 << 16, 1 << 16, 1 << 17);
    padding = pick(random, 0, 0, 0, 500, 4_000);
    versioned = random.nextInt(4) > 0;
    durabilities = durabilities(random);
    for (Fault fault : Fault.values()) {
      double rate = RATES.getOrDefault(fault, 0.0) * (0.3 + 1.7 * random.nextDouble());
      if (random.nextDouble() < ENABLED && (versioned || fault != Fault.FOREIGN_WRITE)) {
        rates.put(fault, rate);
      }
    }
    settings = draw(random);
  }

  /** Whether the fault strikes now. */
  boolean strikes(Fault fault, Random random) {
    Double rate = rates.get(fault);
    return rate != null && random.nextDouble() < rate;
  }

  /** Whether the fault can strike at all. */
  boolean has(Fault fault) {
    return rates.containsKey(fault);
  }

  Durability durability(Random random) {
    return durabilities.get(random.nextInt(durabilities.size()));
  }

  /** The settings for now. */
  CacheSettings settings() {
    return settings;
  }

  /** The settings for the next start. */
  CacheSettings settings(Random random) {
    if (strikes(Fault.OTHER_SETTINGS, random)) {
      settings = draw(random);
    }
    return settings;
  }

  private CacheSettings draw(Random random) {
    return CacheSettings.builder("t")
        .partitions(partitions)
        .linger(Duration.ofMillis(pick(random, 0, 10, 100, 1_000)))
        .maxBatchSize(pick(random, 1, 2, 4, 16, 1_000))
        .maxRetries(pick(random, 0, 1, 2, 3))
        .retryDelay(Duration.ofMillis(pick(random, 1, 50, 1_000)))
        .maxPendingEntries(pick(random, 1, 2, 4, 8, 1_000, 1_000, 1_000))
        .overload(
            pick(random, 0, 1) == 0
                ? Overload.reject()
                : Overload.waitFor(Duration.ofMillis(pick(random, 50, 5_000))))
        .targetLag(random.nextInt(4) == 0 ? Duration.ofMillis(500) : null)
        .ttl(Duration.ofMillis(pick(random, 0, 20, 2_000, 3_600_000)))
        .cacheSize(pick(random, 0, 0, 1_000))
        .build();
  }

  private static List<Durability> durabilities(Random random) {
    return switch (random.nextInt(6)) {
      case 0 -> List.of(Durability.DISK);
      case 1 -> List.of(Durability.JOURNAL);
      case 2 -> List.of(Durability.MEMORY, Durability.JOURNAL, Durability.DISK);
      case 3 -> List.of(Durability.DISK, Durability.JOURNAL, Durability.DATABASE);
      default ->
          List.of(
              Durability.MEMORY,
              Durability.JOURNAL,
              Durability.JOURNAL,
              Durability.DISK,
              Durability.DISK,
              Durability.DATABASE);
    };
  }

  static int pick(Random random, int... values) {
    return values[random.nextInt(values.length)];
  }

  @Override
  public String toString() {
    return "seed "
        + seed
        + ": "
        + operations
        + " operations, "
        + keys
        + " keys, "
        + (versioned ? "" : "no version column, ")
        + "faults "
        + rates.keySet()
        + ", "
        + settings;
  }
}
