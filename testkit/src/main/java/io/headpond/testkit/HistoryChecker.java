package io.headpond.testkit;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Holds what clients saw against what there is in the end. Clients say when a write begins and how it ended; somebody
 * who watches the database says which version each row took. {@link #violations} then names every acknowledged write
 * that is lost, every row that went back, and every value that nobody wrote.
 *
 * <p>A write with an unknown outcome may be there or not, unless it surely came before a later
 * acknowledged write of its key. Thread-safe.
 *
 * @param <K> keys, with equals
 * @param <V> values, with equals; null stands for no entry
 */
public final class HistoryChecker<K, V> {
  private enum End {
    UNDER_WAY,
    ACKNOWLEDGED,
    UNKNOWN,
    FAILED
  }

  /** A write that has begun. */
  public final class Attempt {
    private final @Nullable V value;
    private final long begun;
    private long ended = Long.MAX_VALUE;
    private End end = End.UNDER_WAY;
    private long version;

    private Attempt(@Nullable V value, long begun) {
      this.value = value;
      this.begun = begun;
    }

    /** It was acknowledged with this version. */
    public void acknowledged(long version) {
      this.version = version;
      end(End.ACKNOWLEDGED);
    }

    /** No answer came, or one that says that the outcome is unknown. */
    public void unknown() {
      end(End.UNKNOWN);
    }

    /** It was surely not done. */
    public void failed() {
      end(End.FAILED);
    }

    private void end(End how) {
      synchronized (HistoryChecker.this) {
        end = how;
        ended = ++time;
      }
    }
  }

  /**
   * What an entry holds.
   *
   * @param value null if it is known to be absent
   * @param version 0 if it is not known
   */
  public record Held<V>(@Nullable V value, long version) {}

  private final Map<K, List<Attempt>> attempts = new HashMap<>();
  private final Map<K, Long> seen = new HashMap<>();
  private final List<String> wentBack = new ArrayList<>();
  private long time;

  /** A write begins; a null value is a remove. */
  public synchronized Attempt begin(K key, @Nullable V value) {
    Attempt attempt = new Attempt(value, ++time);
    attempts.computeIfAbsent(key, k -> new ArrayList<>()).add(attempt);
    return attempt;
  }

  /** The row of a key was seen with this version; called in the order in which the database changed it. */
  public synchronized void observed(K key, long version) {
    Long before = seen.put(key, version);
    if (before != null && before > version) {
      wentBack.add("row " + key + " went back from version " + before + " to " + version);
    }
  }

  /** How many writes were acknowledged. */
  public synchronized long acknowledged() {
    return attempts.values().stream()
        .flatMap(List::stream)
        .filter(a -> a.end == End.ACKNOWLEDGED)
        .count();
  }

  /** The keys that were written. */
  public synchronized List<K> keys() {
    return List.copyOf(attempts.keySet());
  }

  /**
   * What breaks the promises; empty if nothing does.
   *
   * @param present what each key holds in the end: the pending or parked value if there is one, else the
   *     database's row; a key that is not in it is absent
   */
  public synchronized List<String> violations(Map<K, Held<V>> present) {
    List<String> violations = new ArrayList<>(wentBack);
    attempts.forEach((key, list) -> check(key, list, present.get(key), violations));
    present.forEach(
        (key, held) -> {
          if (held.value() != null && !attempts.containsKey(key)) {
            violations.add("row " + key + " was written by nobody");
          }
        });
    return violations;
  }

  private void check(K key, List<Attempt> list, @Nullable Held<V> held, List<String> violations) {
    Attempt last = null;
    for (Attempt attempt : list) {
      if (attempt.end == End.ACKNOWLEDGED && (last == null || attempt.version > last.version)) {
        last = attempt;
      }
    }
    V value = held == null ? null : held.value();
    if (last == null ? value == null : Objects.equals(last.value, value)) {
      if (last != null && held != null && held.version() != 0 && held.version() < last.version) {
        violations.add(
            "row " + key + " has version " + held.version() + ", acknowledged " + last.version);
      }
      return;
    }
    for (Attempt attempt : list) {
      boolean possible = attempt.end == End.UNKNOWN || attempt.end == End.UNDER_WAY;
      boolean before = last != null && attempt.ended < last.begun;
      if (possible && !before && Objects.equals(attempt.value, value)) {
        return;
      }
    }
    violations.add(
        "row "
            + key
            + " holds "
            + value
            + (held == null ? "" : " at version " + held.version())
            + (last == null
                ? ", but no write of it was acknowledged"
                : ", but " + last.value + " was acknowledged at version " + last.version));
  }
}
