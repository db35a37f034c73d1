package io.headpond.redis;

import io.headpond.Durability;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a master, with the settings that it has now, may be trusted with. Immutable.
 *
 * <p>{@code JOURNAL} and {@code DISK} need a log that is forced before each answer: {@code appendonly yes}, {@code appendfsync always}, {@code
 * no-appendfsync-on-rewrite no}. Where there are replicas one of them may be promoted, so then a write at these levels waits for all of them, and each of them needs the same
 * settings. {@code REPLICAS} needs at least one replica, and all that are known must be connected; it is at least as many acknowledgements that WAIT is asked for. A replica that is never promoted counts
 * as well, since WAIT does not say who acknowledged.
 *
 * @param levels empty if the server must not be used at all
 * @param replicas how many acknowledge a write that waits for replicas
 * @param logged whether its own log is forced before each answer
 * @param refusal why the server must not be used; null if it may
 * @param troubles what is worse than it could be, for people
 * @param stronger how it could keep more; null if that is all
 */
record Safety(
    Set<Durability> levels,
    int replicas,
    boolean logged,
    @Nullable String refusal,
    List<String> troubles,
    @Nullable String stronger) {
  private static final String BEING_WRITTEN = " is being written for the first time";

  static final long CLOCK_MILLIS = 1000;

  /**
   * A replica.
   *
   * @param facts null if it cannot be asked
   */
  record Replica(Address address, @Nullable ServerFacts facts) {}

  /**
   * Judges a master.
   *
   * @param address where it is, for people
   * @param replicas all that are known
   * @param settled whether it was {@link #logged} before; while a log that was just turned on is written for the first time, it keeps nothing
   */
  static Safety of(Address address, ServerFacts master, List<Replica> replicas, boolean settled) {
    String refusal = refusal(address, master);
    List<String> troubles = new ArrayList<>();
    clock(address, master, troubles);
    forgetful(address, master, troubles);
    if (refusal != null) {
      return new Safety(
          EnumSet.noneOf(Durability.class), 0, false, refusal, List.copyOf(troubles), null);
    }
    EnumSet<Durability> levels = EnumSet.of(Durability.MEMORY);
    List<String> stronger = new ArrayList<>();
    String volatileLog = volatileLog(address, master, settled);
    if (volatileLog != null && volatileLog.contains(BEING_WRITTEN)) {
      troubles.add(volatileLog);
    }
    if (volatileLog != null) {
      stronger.add(volatileLog);
    }
    boolean all = online(address, master, replicas, troubles);
    if (replicas.isEmpty()) {
      if (volatileLog == null) {
        levels.add(Durability.JOURNAL);
        levels.add(Durability.DISK);
      }
    } else if (all) {
      levels.add(Durability.REPLICAS);
      for (Replica replica : replicas) {
        ServerFacts facts = replica.facts();
        String log =
            facts == null
                ? "replica " + replica.address() + " must answer us"
                : volatileLog(replica.address(), facts, true);
        if (log != null) {
          stronger.add(log);
        }
      }
      if (stronger.isEmpty()) {
        levels.add(Durability.JOURNAL);
        levels.add(Durability.DISK);
      }
    } else {
      stronger.add("all replicas of " + address + " must be connected");
    }
    return new Safety(
        Set.copyOf(levels),
        replicas.size(),
        volatileLog == null,
        null,
        List.copyOf(troubles),
        stronger.isEmpty() ? null : String.join("; ", stronger));
  }

  private static @Nullable String refusal(Address address, ServerFacts facts) {
    if (!facts.newEnough()) {
      return address + " is " + facts.product() + "; needed: Redis 6.2 or newer, or Valkey";
    }
    String policy = facts.get("maxmemory_policy");
    if (policy.startsWith("allkeys-") && facts.number("maxmemory") > 0) {
      return address
          + " has maxmemory-policy "
          + policy
          + " with maxmemory "
          + facts.number("maxmemory")
          + ", so it throws away what is pending; needed: CONFIG SET maxmemory-policy noeviction (or volatile-ttl)";
    }
    return null;
  }

  /** What expires first goes first with volatile-ttl: that is not what is remembered for a day. */
  private static void forgetful(Address address, ServerFacts facts, List<String> troubles) {
    String policy = facts.get("maxmemory_policy");
    if (policy.startsWith("volatile-")
        && !policy.equals("volatile-ttl")
        && facts.number("maxmemory") > 0) {
      troubles.add(
          address
              + " has maxmemory-policy "
              + policy
              + ", so it forgets request ids when its memory is full; needed: CONFIG SET maxmemory-policy volatile-ttl (or noeviction)");
    }
  }

  private static void clock(Address address, ServerFacts facts, List<String> troubles) {
    long ahead = facts.aheadMillis();
    if (Math.abs(ahead) > CLOCK_MILLIS) {
      troubles.add(
          String.format(
              Locale.ROOT,
              "the clock of %s is %.1f s %s ours",
              address,
              Math.abs(ahead) / 1000.0,
              ahead > 0 ? "ahead of" : "behind"));
    }
  }

  /** Whether all replicas are connected to the master and follow it. */
  private static boolean online(
      Address address, ServerFacts master, List<Replica> replicas, List<String> troubles) {
    int online = 0;
    for (int i = 0; i < master.replicas(); i++) {
      if (master.get("slave" + i).contains("state=online")) {
        online++;
      }
    }
    if (online < replicas.size()) {
      troubles.add(
          online
              + " of "
              + replicas.size()
              + " replicas of "
              + address
              + " follow it; REPLICAS, and all but MEMORY, need all of them");
      return false;
    }
    return !replicas.isEmpty();
  }

  /** What must be done so that an answer means that the log is forced; null if nothing. */
  private static @Nullable String volatileLog(Address address, ServerFacts facts, boolean settled) {
    if (facts.config() == null) {
      return "on " + address + " let our user see the settings: ACL SETUSER ... +config|get";
    }
    List<String> needed = new ArrayList<>();
    need(facts, "appendonly", "yes", needed);
    need(facts, "appendfsync", "always", needed);
    need(facts, "no-appendfsync-on-rewrite", "no", needed);
    if (!needed.isEmpty()) {
      return "on " + address + ": " + String.join(", ", needed);
    }
    String status = facts.get("aof_last_write_status");
    if (!status.isEmpty() && !status.equals("ok")) {
      return "the append-only file of " + address + " cannot be written";
    }
    boolean rewriting =
        facts.number("aof_rewrite_in_progress") != 0 || facts.number("aof_rewrite_scheduled") != 0;
    return rewriting && !settled ? "the append-only file of " + address + BEING_WRITTEN : null;
  }

  private static void need(ServerFacts facts, String name, String value, List<String> needed) {
    if (!value.equals(facts.setting(name))) {
      needed.add("CONFIG SET " + name + " " + value);
    }
  }
}
