package io.headpond.server.http;

import io.headpond.Column;
import io.headpond.UnavailableException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Entries as lines of JSON: a first line that says whose they are, one for each, and a last one that counts them, so that a file that was cut is known.
 *
 * <pre>
 * {"headpond":"queue","format":1,"dataset":"kv","key":[...],"columns":[...],"time":"..."}
 * {"key":"a","operation":"put","version":1,"state":"pending","value":{...}}
 * {"entries":1}
 * </pre>
 *
 * An object of this class is such a file, made for what is purged; it appears with the first entry. Used by one thread.
 */
final class QueueFile implements AutoCloseable {
  static final String KIND = "queue";
  static final int FORMAT = 1;

  private static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmssSSS'Z'").withZone(ZoneOffset.UTC);

  private final Dataset dataset;
  private final Path file;
  private final String said;
  private @Nullable FileChannel channel;
  private long entries;

  /**
   * @param said members that say who purged, and why
   */
  QueueFile(Dataset dataset, Path folder, String said) {
    this.dataset = dataset;
    this.said = said;
    this.file =
        folder.resolve("purged-" + dataset.name() + "-" + TIME.format(Instant.now()) + ".ndjson");
  }

  /** The first line. */
  static Json header(Dataset dataset, String more) {
    Json json =
        new Json()
            .beginObject()
            .member("headpond", KIND)
            .member("format", FORMAT)
            .member("dataset", dataset.name());
    columns(json.name("key"), dataset.cache().rowType().keyColumns());
    columns(json.name("columns"), dataset.cache().rowType().valueColumns());
    json.member("time", Instant.now().toString());
    return more.isEmpty() ? json.endObject() : json.raw(more).endObject();
  }

  /** The last line. */
  static Json footer(long entries) {
    return new Json().beginObject().member("entries", entries).endObject();
  }

  /** The columns as a file must name them for this dataset. */
  static String columns(List<Column> columns) {
    Json json = new Json();
    columns(json, columns);
    return json.toString();
  }

  private static void columns(Json json, List<Column> columns) {
    json.beginArray();
    for (Column column : columns) {
      json.beginObject()
          .member("name", column.name())
          .member("type", column.type().toString())
          .endObject();
    }
    json.endArray();
  }

  /** Null as long as it has no entry. */
  @Nullable Path file() {
    return channel == null ? null : file;
  }

  /**
   * Appends some, forced to the disk when this returns.
   *
   * @throws UnavailableException if that failed
   */
  void keep(List<Owed> some) {
    if (some.isEmpty()) {
      return;
    }
    StringBuilder text = new StringBuilder();
    if (channel == null) {
      text.append(header(dataset, said)).append('\n');
    }
    some.forEach(owed -> text.append(owed.json(dataset)).append('\n'));
    write(text.toString());
    entries += some.size();
  }

  private void write(String text) {
    try {
      FileChannel to = channel;
      boolean made = to == null;
      if (to == null) {
        to = create();
        channel = to;
      }
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        to.write(bytes);
      }
      to.force(true);
      if (made) {
        Discarded.forceFolder(file);
      }
    } catch (IOException e) {
      throw new UnavailableException(
          "what is to be purged cannot be kept in "
              + file
              + " ("
              + Discarded.reason(e)
              + "), so it stays",
          e);
    }
  }

  /** It has values, so that it is nobody else's where the file system can say so. */
  private FileChannel create() throws IOException {
    Set<StandardOpenOption> options =
        Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    FileAttribute<?>[] mine =
        file.getFileSystem().supportedFileAttributeViews().contains("posix")
            ? new FileAttribute<?>[] {
              PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"))
            }
            : new FileAttribute<?>[0];
    return FileChannel.open(file, options, mine);
  }

  /** Counts the entries. */
  void end() {
    if (channel != null) {
      write(footer(entries) + "\n");
    }
  }

  @Override
  public void close() {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      throw new UnavailableException(file + ": cannot be closed", e);
    }
  }
}
