package io.headpond.testkit;

import io.headpond.Durability;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiPredicate;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Holds what clients saw against what there is in the end. Clients say when a write or a read begins and how it ended; somebody
 * who watches the database says which version each row took; somebody who kills processes says when. {@link #violations} then names every
 * acknowledged write that is lost, every row that went back, every read that gave an older value than it may, and every value that nobody wrote.
 *
 * <p>What may be missing is what {@code docs/guarantees.md} says, and nothing else: a write at {@link Durability#MEMORY} that the database did not have when the process died, one at
 * {@link Durability#JOURNAL} when the power went, and what a person discarded. Then the earlier acknowledged writes of the key count. A write with an unknown outcome may be there or
 * not, unless it surely came before a later acknowledged write of its key; one that failed may not be there at all.
 *
 * <p>The values of a key should differ from one another. Thread-safe.
 *
 * @param <K> keys, with equals
 * @param <V> values, with equals; null stands for no entry
 */
public final class HistoryChecker<K, V> {
  enum End {
    UNDER_WAY,
    ACKNOWLEDGED,
    UNKNOWN,
    FAILED,
    /** By another program, in the database. */
    FOREIGN
  }

  /** A write that has begun. */
  public final class Attempt {
    final Durability durability;
    final long begun;
    @Nullable V value;

    /** Tells whether a value has this write in it, if that depends on what was there before. */
    final @Nullable Predicate<? super V> madeBy;

    /** Whether {@link #value} is what it made. */
    boolean valueKnown;

    long ended = Long.MAX_VALUE;
    End end = End.UNDER_WAY;

    /** 0 as long as nobody has told it. */
    long version;

    /** The version that it was to find; 0 if it expected none. */
    long expected;

    /** When the database was first seen to have it. */
    long applied = Long.MAX_VALUE;

    private Attempt(
        @Nullable V value,
        @Nullable Predicate<? super V> madeBy,
        Durability durability,
        long begun) {
      this.value = value;
      this.madeBy = madeBy;
      this.valueKnown = madeBy == null;
      this.durability = durability;
      this.begun = begun;
    }

    /** It was acknowledged with this version. */
    public void acknowledged(long version) {
      synchronized (HistoryChecker.this) {
        if (end == End.ACKNOWLEDGED) {
          if (this.version != version) {
            told.add(this + " was acknowledged again, at version " + version);
          }
          return;
        }
        this.version = version;
        end(End.ACKNOWLEDGED);
      }
    }

    /** As {@link #acknowledged(long)}, of an update that made this value. */
    public void acknowledged(long version, @Nullable V made) {
      synchronized (HistoryChecker.this) {
        value = made;
        valueKnown = true;
        acknowledged(version);
      }
    }

    /** No answer came, or one that says that the outcome is unknown. */
    public void unknown() {
      end(End.UNKNOWN);
    }

    /** It was surely not done. */
    public void failed() {
      end(End.FAILED);
    }

    /** It is only carried out on the value of this version. */
    public void expects(long version) {
      expected = version;
    }

    /** Whether it was acknowledged with this version. */
    public boolean has(long version) {
      synchronized (HistoryChecker.this) {
        return end == End.ACKNOWLEDGED && this.version == version;
      }
    }

    /** Whether it may be the write that was given this version, though nobody was told. */
    public boolean mayHave(long version) {
      synchronized (HistoryChecker.this) {
        return end == End.UNKNOWN && (this.version == 0 || this.version == version);
      }
    }

    /** Whether it is known what became of it. */
    public boolean ended() {
      synchronized (HistoryChecker.this) {
        return end != End.UNDER_WAY;
      }
    }

    private void end(End how) {
      synchronized (HistoryChecker.this) {
        end = how;
        ended = ++time;
      }
    }

    boolean mayHaveMade(@Nullable V seen) {
      return valueKnown || madeBy == null
          ? Objects.equals(value, seen)
          : seen != null && madeBy.test(seen);
    }

    @Override
    public String toString() {
      return (valueKnown ? text(value) : "an update")
          + " ("
          + durability
          + ", "
          + end
          + (version == 0 ? "" : ", version " + version)
          + ")";
    }
  }

  /** A read that has begun. */
  public final class Read {
    final long begun;
    long ended = Long.MAX_VALUE;
    @Nullable V value;
    long version;

    /** The write that it has seen; null if that is not certain. Found out when all is known. */
    @Nullable Attempt write;

    private Read(long begun) {
      this.begun = begun;
    }

    /**
     * It gave this.
     *
     * @param version 0 if it is not known
     */
    public void returned(@Nullable V value, long version) {
      synchronized (HistoryChecker.this) {
        this.value = value;
        this.version = version;
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

  /**
   * Something by which acknowledged writes may have been lost.
   *
   * @param survives the weakest level that is none the worse for it
   */
  record Loss(long time, Durability survives) {}

  private final BiPredicate<V, @Nullable V> builtOn;
  private final Function<? super K, String> keyText;
  private final Function<? super V, String> valueText;
  private final Map<K, KeyHistory<K, V>> keys = new HashMap<>();
  private final List<Loss> losses = new ArrayList<>();
  private final List<String> told = new ArrayList<>();
  private long time;

  /** A checker where no value depends on what was there before. */
  public HistoryChecker() {
    this(Objects::equals, Object::toString, Object::toString);
  }

  /**
   * A checker of updates, too.
   *
   * @param builtOn whether updates may have made the first value of the second; the second is null for an entry that was not there
   * @param keyText a key for people
   * @param valueText a value for people
   */
  public HistoryChecker(
      BiPredicate<V, @Nullable V> builtOn,
      Function<? super K, String> keyText,
      Function<? super V, String> valueText) {
    this.builtOn = builtOn;
    this.keyText = keyText;
    this.valueText = valueText;
  }

  /** As {@link #begin(Object, Object, Durability)} at {@link Durability#DISK}. */
  public Attempt begin(K key, @Nullable V value) {
    return begin(key, value, Durability.DISK);
  }

  /** A write begins; a null value is a remove. */
  public synchronized Attempt begin(K key, @Nullable V value, Durability durability) {
    return add(key, new Attempt(value, null, durability, ++time));
  }

  /**
   * A write begins whose value depends on what is there.
   *
   * @param madeBy tells of a value whether this write is in it
   */
  public synchronized Attempt beginUpdate(
      K key, Predicate<? super V> madeBy, Durability durability) {
    return add(key, new Attempt(null, madeBy, durability, ++time));
  }

  /** Another program has written a row. */
  public synchronized void foreign(K key, V value, long version) {
    Attempt attempt = add(key, new Attempt(value, null, Durability.DATABASE, ++time));
    attempt.version = version;
    attempt.end(End.FOREIGN);
  }

  /** A read begins. */
  public synchronized Read beginRead(K key) {
    return of(key).add(new Read(++time));
  }

  /** As {@link #observed(Object, long, Object)}, where the value is not known. */
  public synchronized void observed(K key, long version) {
    of(key).observed(++time, version);
  }

  /**
   * The row of a key has been changed to this; called in the order in which the database changed it.
   *
   * @param value null if the row was removed
   */
  public synchronized void observed(K key, long version, @Nullable V value) {
    of(key).observed(++time, version, value);
  }

  /** The process has died; what it was doing has ended as unknown before. */
  public synchronized void processDied() {
    losses.add(new Loss(++time, Durability.JOURNAL));
  }

  /** The power has gone. */
  public synchronized void powerLost() {
    losses.add(new Loss(++time, Durability.DISK));
  }

  /** A person gives up what is parked, and with it the earlier writes that it had taken the place of. */
  public synchronized void discarded(K key, long version) {
    of(key).discarded(++time, version);
  }

  /** The time, for {@link #wentBack}. */
  public synchronized long now() {
    return ++time;
  }

  /** The database has lost all that it was told since then. */
  public synchronized void wentBack(long since) {
    long at = ++time;
    keys.values().forEach(key -> key.wentBack(at, since));
  }

  /** How many writes were acknowledged. */
  public synchronized long acknowledged() {
    return keys.values().stream().mapToLong(KeyHistory::acknowledged).sum();
  }

  /** The keys that were written. */
  public synchronized List<K> keys() {
    return keys.entrySet().stream()
        .filter(key -> key.getValue().written())
        .map(Map.Entry::getKey)
        .toList();
  }

  /** The highest version that the database is known to have had of a key; 0 if none. */
  public synchronized long applied(K key) {
    return of(key).applied();
  }

  /** The highest version of those acknowledged writes of a key that nothing can have taken away until now; 0 if there is none. */
  public synchronized long kept(K key) {
    return of(key).floor(++time).version();
  }

  /** As {@link #kept}, of those with a version below this. */
  public synchronized long keptBelow(K key, long version) {
    return of(key).kept(++time).stream()
        .mapToLong(attempt -> attempt.version)
        .filter(its -> its < version)
        .max()
        .orElse(0);
  }

  /** Whether the write was acknowledged and nothing can have taken it away until now. */
  public synchronized boolean surelyThere(Attempt attempt) {
    long at = ++time;
    return keys.values().stream().anyMatch(key -> key.kept(at).contains(attempt));
  }

  /** Whether a person has given up this version of a key, or a later one. */
  public synchronized boolean wasDiscarded(K key, long version) {
    return of(key).wasDiscarded(version);
  }

  /**
   * What breaks the promises; empty if nothing does.
   *
   * @param present what each key holds in the end: the pending or parked value if there is one, else the
   *     database's row; a key that is not in it is absent
   */
  public synchronized List<String> violations(Map<K, Held<V>> present) {
    List<String> violations = new ArrayList<>(told);
    keys.forEach((key, history) -> history.check(present.get(key), violations));
    present.forEach(
        (key, held) -> {
          if (held.value() != null && !of(key).written()) {
            violations.add("row " + key + " was written by nobody");
          }
        });
    return violations;
  }

  private Attempt add(K key, Attempt attempt) {
    return of(key).add(attempt);
  }

  private String text(@Nullable V value) {
    return value == null ? "nothing" : valueText.apply(value);
  }

  private KeyHistory<K, V> of(K key) {
    return keys.computeIfAbsent(
        key, k -> new KeyHistory<>(keyText.apply(k), losses, builtOn, this::text));
  }
}
