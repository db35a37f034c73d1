package io.headpond.journal;

import io.headpond.Key;
import io.headpond.spi.Remembered;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** Is told of the records of a journal in the order in which they were written. */
interface RecordVisitor {
  /**
   * A write.
   *
   * @param bytes where its row stands; kept valid
   * @param rowAt offset of the row in {@code bytes}
   * @param rowLength length of the row; -1 for a removal
   */
  default void put(
      Key key,
      long version,
      long writeId,
      long since,
      ByteBuffer bytes,
      int rowAt,
      int rowLength,
      @Nullable Trouble trouble) {}

  /** A write that was never pending. */
  default void staged(Key key, long version) {}

  /** A write that the database has. */
  default void settle(Key key, long version, long writeId) {}

  /** Trouble of a write. */
  default void trouble(Key key, long version, long writeId, Trouble trouble) {}

  /** A request that was carried out. */
  default void request(Remembered remembered) {}

  /** A lease. */
  default void open(int partition, long epoch, long clock, long frontier) {}

  /** A frontier. */
  default void frontier(int partition, long frontier) {}

  /** The encoding of rows from here on. */
  default void schema(String encoding) {}

  /** From which segment on the journal is needed. */
  default void oldest(long number) {}

  /** A clean end. */
  default void closed(long micros) {}
}
