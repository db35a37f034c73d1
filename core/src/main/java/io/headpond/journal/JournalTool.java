package io.headpond.journal;

import io.headpond.ConfigurationException;
import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.Key;
import io.headpond.spi.Failure;
import io.headpond.spi.Mutation;
import java.io.Closeable;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Looks at journals of stores that are not running, without knowing their columns. Stateless.
 *
 * <p>Each method holds the journal's lock while it works, and fails with {@link ConfigurationException} if a store has it, or if there is
 * no such folder.
 */
public final class JournalTool {
  private JournalTool() {}

  /** Reads all of a journal and says what is in it and what is wrong with it. Changes nothing. */
  public static CheckReport check(Path folder) {
    return check(existing(folder));
  }

  /** As {@link #check(Path)}. */
  public static CheckReport check(Disk disk) {
    List<Damage> damage = new ArrayList<>();
    return locked(
        disk,
        () -> {
          JournalReader reader = JournalReader.read(disk, damage::add);
          try {
            JournalState state = state(reader, disk, damage);
            int parked = count(state, true);
            return new CheckReport(
                reader.id(),
                reader.segments().size(),
                state.records,
                count(state, false),
                parked,
                refused(state),
                living(state).size(),
                state.clean,
                damage);
          } finally {
            reader.close();
          }
        });
  }

  /**
   * How many entries of a journal the database does not have, parked ones included; 0 if there is no journal in the folder.
   *
   * @throws ConfigurationException also if the journal is damaged
   */
  public static int pending(Path folder) {
    return Files.isDirectory(folder) ? pending(Disk.in(folder)) : 0;
  }

  /** As {@link #pending(Path)}. */
  public static int pending(Disk disk) {
    CheckReport report = check(disk);
    report.damage().forEach(JournalReader.strict(disk));
    return report.pending() + report.parked();
  }

  /**
   * Writes what can be read of a journal to a new one in another folder. The first is not changed.
   *
   * <p>The new journal has a new id. The database knows its table to belong to the old one, so the first start with the new journal needs {@code
   * headpond store adopt}: two journals of one id would be two stores that the database cannot tell apart, and what the damage
   * may have taken with it is a person's decision.
   *
   * <p>An entry with no record behind the last damage may have been written again there, or settled. Sending its value to the database could put an
   * old value over a newer one; so it becomes a dead letter, to be compared with the row and then retried or discarded. The requests of the last day are remembered
   * as far as their records can be read.
   */
  public static SalvageReport salvage(Path from, Path to) {
    if (from.toAbsolutePath().normalize().equals(to.toAbsolutePath().normalize())) {
      throw new ConfigurationException(
          "salvage: " + to + ": must be another folder than that of the damaged journal");
    }
    return salvage(existing(from), Disk.in(to));
  }

  /** As {@link #salvage(Path, Path)}. */
  public static SalvageReport salvage(Disk from, Disk to) {
    return locked(
        from,
        () ->
            locked(
                to,
                () -> {
                  if (to.list().stream().anyMatch(name -> Segment.number(name) >= 0)) {
                    throw new ConfigurationException(
                        "salvage: " + to + ": holds a journal already; give an empty folder");
                  }
                  List<Damage> damage = new ArrayList<>();
                  JournalReader reader = JournalReader.read(from, damage::add);
                  try {
                    return salvage(reader, from, to, damage);
                  } finally {
                    reader.close();
                  }
                }));
  }

  private static SalvageReport salvage(
      JournalReader reader, Disk from, Disk to, List<Damage> damage) throws IOException {
    if (reader.segments().isEmpty()) {
      throw new ConfigurationException("salvage: " + from + ": no segment of it can be read");
    }
    JournalState state = state(reader, from, damage);
    DirectEnvironment environment = new DirectEnvironment();
    SegmentHeader newest = reader.segments().get(reader.segments().size() - 1).header();
    String schema = state.schema == null ? "" : state.schema;
    Journal journal =
        new Journal(
            to,
            environment,
            UUID.randomUUID(),
            (int) newest.size,
            schema,
            newest.partitions(),
            () -> state.marks);
    journal.start(List.of(), 1, 0);
    List<String> doubtful = new ArrayList<>();
    int pending = 0;
    int parked = 0;
    Group group = new Group();
    for (Map.Entry<Key, JournalState.Found> of : state.keys.entrySet()) {
      JournalState.Found found = of.getValue();
      if (!found.pending()) {
        continue;
      }
      Trouble trouble = found.trouble;
      if (found.lastPosition < reader.lastDamage()) {
        trouble = doubt(trouble, environment.wallMicros());
        doubtful.add(text(of.getKey()));
      }
      if (trouble != null && trouble.parked()) {
        parked++;
      } else {
        pending++;
      }
      Mutation write = new Mutation.Remove(of.getKey(), found.version, found.writeId);
      begin(group, found.schema, schema).put(write, found.row(), found.since, trouble, 0);
      append(journal, group, found.schema, schema);
    }
    List<JournalState.FoundRequest> requests = living(state);
    for (JournalState.FoundRequest request : requests) {
      begin(group, request.schema(), schema).request(request.remembered());
      append(journal, group, request.schema(), schema);
    }
    journal.close();
    return new SalvageReport(
        journal.id(), pending, parked, requests.size(), doubtful, !damage.isEmpty(), damage);
  }

  /** A group for a record that was written with other columns than the newest says so, for itself alone. */
  private static Group begin(Group group, @Nullable String own, String schema) {
    group.clear();
    return own == null || own.equals(schema)
        ? group
        : group.schema(own.getBytes(StandardCharsets.UTF_8));
  }

  private static void append(Journal journal, Group group, @Nullable String own, String schema) {
    if (own != null && !own.equals(schema)) {
      group.schema(schema.getBytes(StandardCharsets.UTF_8));
    }
    journal.append(group, Journal.Use.RELEASE);
  }

  private static List<JournalState.FoundRequest> living(JournalState state) {
    long now = new DirectEnvironment().wallMicros();
    return state.requests.values().stream().filter(request -> request.living(now)).toList();
  }

  private static Trouble doubt(@Nullable Trouble before, long micros) {
    return new Trouble(
        0,
        before == null ? 0 : before.attempts(),
        true,
        before != null && before.overtaken(),
        before == null ? micros : before.firstMicros(),
        new Failure(
            DatabaseError.of(
                ErrorClass.UNKNOWN,
                "salvaged from a damaged journal: a newer write of this entry, or the word that the database has it, may have been"
                    + " lost. Compare it with the row, then retry or discard it"),
            micros));
  }

  private static JournalState state(JournalReader reader, Disk disk, List<Damage> damage) {
    List<JournalReader.ReadSegment> segments = reader.segments();
    JournalState state =
        new JournalState(
            segments.isEmpty() ? 1 : segments.get(segments.size() - 1).header().partitions());
    for (JournalReader.ReadSegment segment : segments) {
      state.header(segment.header());
      GroupReader groups = segment.reader();
      for (int at : segment.groups()) {
        state.position = JournalReader.position(segment.number(), at);
        try {
          groups.read(at, state);
        } catch (GroupReader.Malformed e) {
          damage.add(
              new Damage(
                  disk.location(Segment.name(segment.number())),
                  e.offset,
                  segment.end(),
                  e.reason()));
        }
      }
    }
    return state;
  }

  private static int count(JournalState state, boolean parked) {
    int count = 0;
    for (JournalState.Found found : state.keys.values()) {
      Trouble trouble = found.trouble;
      if (found.pending() && parked == (trouble != null && trouble.parked())) {
        count++;
      }
    }
    return count;
  }

  private static List<CheckReport.Refused> refused(JournalState state) {
    Map<CheckReport.Refused, Integer> counts = new HashMap<>();
    for (JournalState.Found found : state.keys.values()) {
      Trouble trouble = found.trouble;
      if (found.pending() && trouble != null) {
        DatabaseError error = trouble.failure().error();
        counts.merge(
            new CheckReport.Refused(trouble.parked(), error.errorClass(), error.code(), 0),
            1,
            Integer::sum);
      }
    }
    return counts.entrySet().stream()
        .map(
            of ->
                new CheckReport.Refused(
                    of.getKey().parked(),
                    of.getKey().errorClass(),
                    of.getKey().code(),
                    of.getValue()))
        .sorted(
            Comparator.comparingInt(CheckReport.Refused::entries)
                .reversed()
                .thenComparing(CheckReport.Refused::toString))
        .toList();
  }

  private static Disk existing(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new ConfigurationException("journal: " + folder + ": there is no such folder");
    }
    return Disk.in(folder);
  }

  /** A key without knowing its columns: as text if that is what it seems to be. */
  static String text(Key key) {
    try {
      String text =
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(key.toBytes())).toString();
      if (text.codePoints().noneMatch(Character::isISOControl)) {
        return text;
      }
    } catch (CharacterCodingException e) {
      // Then it is no text.
    }
    return "0x" + HexFormat.of().formatHex(key.toBytes());
  }

  private interface Work<T> {
    T run() throws IOException;
  }

  @SuppressWarnings("try")
  private static <T> T locked(Disk disk, Work<T> work) {
    try (Closeable held = disk.lock(Recovery.LOCK)) {
      return work.run();
    } catch (IOException | InternalError e) {
      throw new ConfigurationException(
          "the journal at " + disk + " cannot be read: " + e.getMessage(), e);
    }
  }
}
