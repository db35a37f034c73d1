package io.headpond.journal;

import io.headpond.Column;
import io.headpond.ConfigurationException;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Mutation;
import io.headpond.spi.RowCodec;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What a journal holds that is still needed, in terms of the columns of now: entries that are pending, deferred or parked, and the requests of the last day. Made before anything
 * is written; where something cannot be carried over exactly it is not made, and the error says which entries and why. Not thread-safe.
 */
final class Recovered {
  private static final int NAMED = 10;

  /** By the number of the segment in which its newest write stands. */
  final TreeMap<Long, List<Pending>> pending = new TreeMap<>();

  /** By the number of the segment in which its newest record stands. */
  final TreeMap<Long, List<JournalState.FoundRequest>> requests = new TreeMap<>();

  private final JournalState state;
  private final HotStoreFactory.Settings settings;
  private final Disk disk;
  private final Map<String, ColumnChange> changes = new HashMap<>();

  /** By what is in the way: the entries. */
  private final Map<String, Names> obstacles = new LinkedHashMap<>();

  /** When the requests had the age that the wall clock gave them. */
  final long atMicros;

  final long atNanos;

  private final Names rekeyed = new Names();
  private int rekeyedRequests;
  private long rekeyedUntil;

  /**
   * An entry as it was.
   *
   * @param row what the journal is to hold as its row; null for a removal
   */
  record Pending(HotEntry entry, @Nullable ByteBuffer row) {}

  /** Names of entries, of which a person wants to see a few: the first in their order. */
  private static final class Names {
    private final TreeSet<String> first = new TreeSet<>();
    private int count;

    void add(String name) {
      count++;
      first.add(name);
      if (first.size() > NAMED) {
        first.pollLast();
      }
    }

    @Override
    public String toString() {
      return String.join(", ", first)
          + (count > first.size() ? " and " + (count - first.size()) + " more" : "");
    }
  }

  /**
   * @throws ConfigurationException if the columns have changed and something cannot be carried over
   */
  Recovered(JournalState state, HotStoreFactory.Settings settings, Disk disk) {
    this.state = state;
    this.settings = settings;
    this.disk = disk;
    state.keys.forEach(
        (key, found) -> {
          if (found.pending()) {
            add(key, found);
          }
        });
    atMicros = settings.environment().wallMicros();
    atNanos = settings.environment().nanos();
    for (JournalState.FoundRequest request : state.requests.values()) {
      if (request.living(atMicros)) {
        add(request);
      }
    }
    if (rekeyed.count > 0 || rekeyedRequests > 0) {
      throw rekeyed();
    }
    if (!obstacles.isEmpty()) {
      throw inexact();
    }
  }

  private ColumnChange change(@Nullable String schema) {
    if (schema == null) {
      throw new ConfigurationException(
          "the journal at " + disk + " does not say with which columns it was written");
    }
    return changes.computeIfAbsent(schema, s -> new ColumnChange(s, settings.rowType()));
  }

  private void add(Key key, JournalState.Found found) {
    ColumnChange change = change(found.schema);
    if (!change.sameKeys()) {
      rekeyed.add(text(change.before(), key));
      return;
    }
    ByteBuffer bytes = found.row();
    try {
      change.check(key);
      Row row = bytes == null ? null : change.read(bytes);
      if (row != null && !change.sameEncoding()) {
        bytes = ByteBuffer.wrap(RowCodec.encode(row));
      }
      HotEntry entry =
          new HotEntry(
              key,
              row == null
                  ? new Mutation.Remove(key, found.version, found.writeId)
                  : new Mutation.Put(key, row, found.version, found.writeId));
      entry.since = found.since;
      entry.trouble = found.trouble;
      entry.bytes =
          key.length()
              + (bytes == null ? 0 : bytes.remaining())
              + HotEntry.OVERHEAD
              + entry.troubleBytes();
      pending
          .computeIfAbsent(JournalReader.segment(found.putPosition), n -> new ArrayList<>())
          .add(new Pending(entry, bytes));
    } catch (ColumnChange.Inexact e) {
      obstacles.computeIfAbsent(e.reason(), r -> new Names()).add(text(change.before(), key));
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException(
          "the journal at "
              + disk
              + " holds a row that its columns cannot read (key "
              + key.hashText()
              + "): "
              + e.getMessage(),
          e);
    }
  }

  private void add(JournalState.FoundRequest request) {
    if (!change(request.schema()).sameKeys()) {
      rekeyedRequests++;
      rekeyedUntil = Math.max(rekeyedUntil, request.remembered().micros() + Requests.KEPT_MICROS);
      return;
    }
    requests
        .computeIfAbsent(JournalReader.segment(request.position()), n -> new ArrayList<>())
        .add(request);
  }

  private static String text(RowType type, Key key) {
    try {
      return type.keyText(key);
    } catch (IllegalArgumentException e) {
      return JournalTool.text(key);
    }
  }

  private ConfigurationException rekeyed() {
    StringBuilder text =
        new StringBuilder("the key columns of ")
            .append(settings.dataset())
            .append(" are ")
            .append(keyColumns(settings.rowType()))
            .append(" now, and the journal at ")
            .append(disk)
            .append(" was written with ")
            .append(keyColumns(change(state.schema).before()))
            .append(". What it holds cannot be carried over, since a key's bytes decide which row")
            .append(
                " and which partition it is, and a renamed column cannot be told from another one:\n");
    if (rekeyed.count > 0) {
      text.append("  ").append(entries(rekeyed)).append(" pending or parked\n");
    }
    if (rekeyedRequests > 0) {
      Instant until = RowCodec.instant(rekeyedUntil);
      text.append("  ").append(rekeyedRequests).append(" requests are remembered until ");
      text.append(until).append('\n');
    }
    return new ConfigurationException(text.append(advice()).toString());
  }

  private ConfigurationException inexact() {
    StringBuilder text =
        new StringBuilder("the columns of ")
            .append(settings.dataset())
            .append(" do not take all that is pending in the journal at ")
            .append(disk)
            .append(" exactly:\n");
    obstacles.forEach(
        (reason, names) ->
            text.append("  ").append(reason).append(" (").append(entries(names)).append(")\n"));
    text.append(advice());
    ColumnChange change = change(state.schema);
    if (!change.sameEncoding()) {
      text.append("\nThe columns were:\n").append(change.before().encoding());
      text.append("and are now:\n").append(settings.rowType().encoding());
    }
    return new ConfigurationException(text.toString());
  }

  private static String entries(Names names) {
    return (names.count == 1 ? "entry " : names.count + " entries: ") + names;
  }

  private static List<String> keyColumns(RowType type) {
    return type.keyColumns().stream().map(Recovered::described).toList();
  }

  private static String described(Column column) {
    return column.name() + " " + column.type();
  }

  private static String advice() {
    return "Nothing was changed. Start with the columns as they were, drain (what is parked has to be put right or removed),"
        + " then change them";
  }

  /** The most bytes that one of the entries has beside the text of its trouble. */
  int largest() {
    return pending.values().stream()
        .flatMap(List::stream)
        .mapToInt(of -> of.entry().bytes - of.entry().troubleBytes())
        .max()
        .orElse(0);
  }

  /** The entries in the order in which they became pending. */
  List<HotEntry> entries() {
    List<HotEntry> all = new ArrayList<>();
    pending.values().forEach(some -> some.forEach(of -> all.add(of.entry())));
    all.sort(Comparator.comparingLong(entry -> entry.since));
    return all;
  }
}
