package io.headpond.testkit;

import io.headpond.Durability;
import io.headpond.testkit.HistoryChecker.End;
import io.headpond.testkit.HistoryChecker.Held;
import io.headpond.testkit.HistoryChecker.Loss;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.BiPredicate;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * What happened to one key, and the rules that it is held against. Guarded by its {@link HistoryChecker}.
 *
 * <p>Writes are ordered by their versions where these are known, else by the clock of the checker: one that had ended when another began came first. At every moment there is a
 * <em>floor</em>: the acknowledged writes that nothing can have taken away. Whoever looks then may see the newest of these, or something that does not surely come before it.
 */
final class KeyHistory<K, V> {
  private record Change<V>(long time, long version, @Nullable V value, boolean valueKnown) {}

  private record Discard(long time, long version) {}

  /** What a read must not fall behind. */
  record Floor(long version, long begun, @Nullable Object write, boolean seen) {
    /** For people; made only for them, since a run asks for a floor at each of its steps. */
    private @Nullable String what() {
      return write == null ? null : write + (seen ? ", which a read had given" : "");
    }
  }

  private final String key;
  private final List<Loss> losses;
  private final BiPredicate<V, @Nullable V> builtOn;
  private final Function<@Nullable V, String> text;
  private final List<HistoryChecker<K, V>.Attempt> attempts = new ArrayList<>();
  private final List<HistoryChecker<K, V>.Read> reads = new ArrayList<>();
  private final List<Change<V>> changes = new ArrayList<>();
  private final List<Discard> discards = new ArrayList<>();

  /** What the database had until it went back. */
  private final List<Discard> gone = new ArrayList<>();

  private final List<String> found = new ArrayList<>();
  private long highest;

  KeyHistory(
      String key,
      List<Loss> losses,
      BiPredicate<V, @Nullable V> builtOn,
      Function<@Nullable V, String> text) {
    this.key = key;
    this.text = text;
    this.losses = losses;
    this.builtOn = builtOn;
  }

  HistoryChecker<K, V>.Attempt add(HistoryChecker<K, V>.Attempt attempt) {
    attempts.add(attempt);
    return attempt;
  }

  HistoryChecker<K, V>.Read add(HistoryChecker<K, V>.Read read) {
    reads.add(read);
    return read;
  }

  boolean written() {
    return !attempts.isEmpty();
  }

  long acknowledged() {
    return attempts.stream().filter(attempt -> attempt.end == End.ACKNOWLEDGED).count();
  }

  long applied() {
    return highest;
  }

  void observed(long time, long version) {
    changed(new Change<>(time, version, null, false));
  }

  void observed(long time, long version, @Nullable V value) {
    changed(new Change<>(time, version, value, true));
    // A value tells whose it is, unless it is nothing or a request's that was sent again.
    boolean tells =
        value != null && attempts.stream().filter(a -> value.equals(a.value)).count() == 1;
    for (HistoryChecker<K, V>.Attempt attempt : attempts) {
      boolean its =
          attempt.version == version && Objects.equals(attempt.value, value)
              || (tells && attempt.version == 0 && Objects.equals(value, attempt.value));
      if (its && attempt.end != End.FOREIGN) {
        attempt.version = version;
        attempt.applied = Math.min(attempt.applied, time);
      }
    }
  }

  private void changed(Change<V> change) {
    if (change.version < highest) {
      found.add("row " + key + " went back from version " + highest + " to " + change.version);
    }
    highest = Math.max(highest, change.version);
    changes.add(change);
  }

  void discarded(long time, long version) {
    discards.add(new Discard(time, version));
  }

  boolean wasDiscarded(long version) {
    return discards.stream().anyMatch(discard -> discard.version >= version);
  }

  void wentBack(long time, long since) {
    // What was settled since may have taken older writes with it, which it had coalesced with.
    changes.stream()
        .filter(change -> change.time > since)
        .forEach(change -> gone.add(new Discard(time, change.version)));
    if (attempts.stream().anyMatch(attempt -> attempt.end == End.FOREIGN)) {
      // Where another program's row was shown instead of ours, there may be none now.
      gone.add(new Discard(time, Long.MAX_VALUE));
    }
    changes.removeIf(change -> change.time > since);
    highest = changes.stream().mapToLong(Change::version).max().orElse(0);
  }

  private boolean lostWithDatabase(HistoryChecker<K, V>.Attempt attempt, long at) {
    return gone.stream()
        .anyMatch(
            lost -> lost.time < at && attempt.begun < lost.time && attempt.version <= lost.version);
  }

  /** Whether the write can have been taken away by then. */
  private boolean lost(HistoryChecker<K, V>.Attempt attempt, long at) {
    if (lostWithDatabase(attempt, at)) {
      return true;
    }
    for (Loss loss : losses) {
      if (attempt.begun < loss.time()
          && loss.time() < at
          && attempt.durability.compareTo(loss.survives()) < 0
          && !hadBy(attempt, loss.time())) {
        return true;
      }
    }
    for (Discard discard : discards) {
      if (discard.time < at
          && attempt.version <= discard.version
          && !hadBy(attempt, discard.time)) {
        return true;
      }
    }
    return false;
  }

  /** Whether the database had the write by then. */
  private boolean hadBy(HistoryChecker<K, V>.Attempt attempt, long time) {
    if (attempt.applied < time && gone.isEmpty()) {
      return true;
    }
    return attempt.version != 0
        && changes.stream()
            .anyMatch(change -> change.time < time && change.version == attempt.version);
  }

  /** The acknowledged writes that are surely there at this time, or were until a newer one came. */
  List<HistoryChecker<K, V>.Attempt> kept(long at) {
    return kept(at, at);
  }

  /** The writes that were acknowledged by one time and not taken away by another. */
  private List<HistoryChecker<K, V>.Attempt> kept(long from, long to) {
    List<HistoryChecker<K, V>.Attempt> kept = new ArrayList<>();
    for (HistoryChecker<K, V>.Attempt attempt : attempts) {
      if (attempt.end == End.ACKNOWLEDGED && attempt.ended < from && !lost(attempt, to)) {
        kept.add(attempt);
      }
    }
    return kept;
  }

  Floor floor(long at) {
    return floor(at, at);
  }

  private Floor floor(long from, long to) {
    long version = 0;
    long begun = 0;
    HistoryChecker<K, V>.Attempt newest = null;
    for (HistoryChecker<K, V>.Attempt attempt : kept(from, to)) {
      if (attempt.version >= version) {
        version = attempt.version;
        newest = attempt;
      }
      begun = Math.max(begun, attempt.begun);
    }
    return new Floor(version, begun, newest, false);
  }

  void check(@Nullable Held<V> held, List<String> violations) {
    violations.addAll(found);
    long end = Long.MAX_VALUE - 1;
    checkVersions(violations);
    checkChanges(violations);
    checkReads(violations);
    Floor floor = floor(end);
    V value = held == null ? null : held.value();
    long version = held == null ? 0 : held.version();
    boolean foreign =
        attempts.stream()
            .anyMatch(a -> a.end == End.FOREIGN && a.version == version && a.mayHaveMade(value));
    if (foreign) {
      if (highest < floor.version) {
        violations.add(
            "row "
                + key
                + " holds a foreign "
                + text.apply(value)
                + ", and "
                + floor.what()
                + " is lost");
      }
      return;
    }
    String wrong = unexplained(value, version, end, floor);
    if (wrong != null) {
      violations.add("row " + key + " holds " + wrong);
    }
    checkUpdates(value, version, end, violations);
  }

  /** Versions rise with time, and between what a write expected and the write there is no other. */
  private void checkVersions(List<String> violations) {
    for (HistoryChecker<K, V>.Attempt later : attempts) {
      if (later.end != End.ACKNOWLEDGED) {
        continue;
      }
      for (HistoryChecker<K, V>.Attempt earlier : attempts) {
        if (earlier.end != End.ACKNOWLEDGED || earlier == later) {
          continue;
        }
        if (earlier.ended < later.begun
            && earlier.version >= later.version
            && !lost(earlier, later.begun)) {
          violations.add("row " + key + ": " + later + " was acknowledged after " + earlier);
        }
        if (later.expected != 0
            && earlier.begun < later.ended
            && later.expected < earlier.version
            && earlier.version < later.version
            && !lost(earlier, later.ended)) {
          violations.add(
              "row "
                  + key
                  + ": "
                  + later
                  + " expected version "
                  + later.expected
                  + ", but "
                  + earlier
                  + " was there");
        }
      }
    }
  }

  private void checkChanges(List<String> violations) {
    for (Change<V> change : changes) {
      if (change.valueKnown && !explained(change)) {
        violations.add(
            "row "
                + key
                + " took "
                + text.apply(change.value)
                + " at version "
                + change.version
                + ", which nobody wrote or which was said to have failed");
      }
      checkUpdates(change.value, change.version, change.time, violations);
    }
  }

  /** Each update that was acknowledged is in the values that came after it, once, until something else takes their place. */
  private void checkUpdates(@Nullable V value, long version, long at, List<String> violations) {
    if (value == null || version == 0) {
      return;
    }
    for (HistoryChecker<K, V>.Attempt update : attempts) {
      if (update.madeBy == null) {
        continue;
      }
      boolean there = update.madeBy.test(value);
      if (there && update.end == End.FAILED && !sentAgain(update)) {
        violations.add("row " + key + ": a failed update is in " + text.apply(value));
      } else if (!there
          && update.end == End.ACKNOWLEDGED
          && update.begun < at
          && update.version <= version
          && !lost(update, at)
          && !replaced(update, value, version)) {
        violations.add(
            "row "
                + key
                + ": the update that made "
                + update
                + " is not in "
                + text.apply(value)
                + " of version "
                + version);
      }
    }
  }

  /** Whether the same request was sent once more and may have been carried out then. */
  private boolean sentAgain(HistoryChecker<K, V>.Attempt update) {
    return attempts.stream()
        .anyMatch(other -> other.madeBy == update.madeBy && other.end != End.FAILED);
  }

  /** Whether the value is built on something that was written after the update. */
  private boolean replaced(HistoryChecker<K, V>.Attempt update, V value, long version) {
    for (HistoryChecker<K, V>.Attempt base : attempts) {
      if (base.madeBy == null
          && base.end != End.FAILED
          && (base.version != 0
              ? update.version < base.version && base.version <= version
              : base.ended > update.begun)
          && builtOn.test(value, base.value)) {
        return true;
      }
    }
    return false;
  }

  private boolean explained(Change<V> change) {
    for (HistoryChecker<K, V>.Attempt attempt : attempts) {
      if (attempt.end != End.FAILED
          && attempt.begun < change.time
          && attempt.mayHaveMade(change.value)
          && (attempt.version == 0
              || attempt.version == change.version
              || change.value != null && lost(attempt, change.time))) {
        return true;
      }
    }
    return false;
  }

  private void checkReads(List<String> violations) {
    for (HistoryChecker<K, V>.Read read : reads) {
      read.write = read.value == null ? null : writeOf(read);
    }
    for (HistoryChecker<K, V>.Read read : reads) {
      if (read.ended == Long.MAX_VALUE) {
        continue;
      }
      String wrong = unexplained(read.value, read.version, read.ended, seenBefore(read));
      if (wrong != null) {
        violations.add("a read of " + key + " gave " + wrong);
      }
      checkUpdates(read.value, read.version, read.ended, violations);
    }
  }

  /** The floor of a read: what was acknowledged before it began, and what reads before it have given. */
  private Floor seenBefore(HistoryChecker<K, V>.Read read) {
    Floor floor = floor(read.begun, read.ended);
    for (HistoryChecker<K, V>.Read earlier : reads) {
      if (earlier.ended < read.begun) {
        HistoryChecker<K, V>.Attempt what = earlier.write;
        if (what != null
            && what.version > floor.version
            && !lostAfterSeen(what, earlier.ended, read.ended)) {
          floor = new Floor(what.version, floor.begun, what, true);
        }
      }
    }
    return floor;
  }

  /** The write that a read has seen; null if that is not certain. */
  private HistoryChecker<K, V>.@Nullable Attempt writeOf(HistoryChecker<K, V>.Read read) {
    HistoryChecker<K, V>.Attempt found = null;
    for (HistoryChecker<K, V>.Attempt attempt : attempts) {
      if (attempt.end != End.FOREIGN
          && attempt.version != 0
          && (read.version == 0 || read.version == attempt.version)
          && attempt.valueKnown
          && Objects.equals(attempt.value, read.value)) {
        if (found != null) {
          return null;
        }
        found = attempt;
      }
    }
    return found != null && found.begun < read.ended ? found : null;
  }

  /** What is seen before it is acknowledged has been handed to the journal, if it was to be at all. */
  private boolean lostAfterSeen(HistoryChecker<K, V>.Attempt attempt, long seen, long at) {
    if (lost(attempt, at)) {
      return true;
    }
    return attempt.ended > seen
        && attempt.durability != Durability.DATABASE
        && losses.stream()
            .anyMatch(
                loss ->
                    loss.survives() == Durability.DISK
                        && attempt.begun < loss.time()
                        && loss.time() < at
                        && !hadBy(attempt, loss.time()));
  }

  /** What is wrong with this value at this time; null if nothing is. */
  private @Nullable String unexplained(@Nullable V value, long version, long at, Floor floor) {
    if (value == null && floor.version == 0) {
      return null;
    }
    boolean known = false;
    for (HistoryChecker<K, V>.Attempt attempt : attempts) {
      if (attempt.end == End.FAILED || attempt.begun >= at || !attempt.mayHaveMade(value)) {
        continue;
      }
      known = true;
      if (version != 0 && value != null && attempt.version != 0 && attempt.version != version) {
        continue;
      }
      long its = version != 0 ? version : attempt.version;
      if (its != 0 ? its >= floor.version : attempt.ended >= floor.begun) {
        return null;
      }
    }
    return text.apply(value)
        + (version == 0 ? "" : " at version " + version)
        + (!known ? ", which nobody wrote or which was said to have failed" : "")
        + (floor.write == null ? "" : ", but " + floor.what() + " was there before");
  }
}
