package io.headpond.journal;

import io.headpond.UnavailableException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Some bytes that are kept beside the journal, in a file of their own. After a crash at any moment they are the old ones or the new ones. All
 * numbers are big-endian. Thread-safe.
 *
 * <pre>
 *   at  bytes
 *    0      8  "HPMEMORY"
 *    8      4  format version: 1
 *   12      4  length of the bytes
 *   16      4  CRC32C of format version, length and bytes
 *   20      .  the bytes, up to the end of the file
 * </pre>
 */
final class RememberedFile {
  static final String NAME = "mapping";
  static final String UNFINISHED = "mapping.tmp";
  private static final long MAGIC = 0x48504d454d4f5259L;
  private static final int FORMAT_VERSION = 1;
  private static final int HEADER = 20;
  private static final Logger log = LoggerFactory.getLogger(RememberedFile.class);

  private final Disk disk;

  RememberedFile(Disk disk) {
    this.disk = disk;
  }

  /** Keeps bytes in the place of those before, durably. */
  synchronized void keep(byte[] bytes) {
    byte[] all = new byte[HEADER + bytes.length];
    ByteBuffer.wrap(all)
        .putLong(MAGIC)
        .putInt(FORMAT_VERSION)
        .putInt(bytes.length)
        .putInt(0)
        .put(bytes)
        .putInt(16, checksum(all));
    try {
      try (Disk.SegmentFile file = disk.create(UNFINISHED, all.length)) {
        file.write(0, all, 0, all.length);
        file.force(0, all.length);
      }
      disk.rename(UNFINISHED, NAME);
      disk.forceDirectory();
    } catch (IOException e) {
      throw new UnavailableException(
          disk.location(NAME) + " cannot be written: " + e.getMessage(), e);
    }
  }

  /** What was kept; null if nothing was, or if it cannot be read, which is logged. */
  byte @Nullable [] read() {
    try {
      if (!disk.list().contains(NAME)) {
        return null;
      }
      try (Disk.SegmentFile file = disk.read(NAME)) {
        return read(file.bytes());
      }
    } catch (IOException | InternalError e) {
      return damaged(String.valueOf(e.getMessage()));
    }
  }

  private byte @Nullable [] read(ByteBuffer file) {
    byte[] all = new byte[file.remaining()];
    file.get(all);
    ByteBuffer in = ByteBuffer.wrap(all);
    if (all.length < HEADER || in.getLong() != MAGIC) {
      return damaged("it does not begin with HPMEMORY");
    }
    int version = in.getInt();
    byte[] bytes = new byte[all.length - HEADER];
    if (in.getInt() != bytes.length || in.getInt() != checksum(all)) {
      return damaged("its length or checksum is wrong");
    }
    if (version != FORMAT_VERSION) {
      return damaged("format version " + version + " is not known here, only " + FORMAT_VERSION);
    }
    in.get(bytes);
    return bytes;
  }

  private byte @Nullable [] damaged(String how) {
    log.warn(
        "{} cannot be used: {}. It is written anew when the database answers; until then a start needs the database",
        disk.location(NAME),
        how);
    return null;
  }

  private static int checksum(byte[] all) {
    CRC32C crc = new CRC32C();
    crc.update(all, 8, 8);
    crc.update(all, HEADER, all.length - HEADER);
    return (int) crc.getValue();
  }
}
