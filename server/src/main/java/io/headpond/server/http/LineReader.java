package io.headpond.server.http;

import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import org.jspecify.annotations.Nullable;

/** Reads lines of bounded length from a body of any length. Not thread-safe. */
final class LineReader {
  private static final int BUFFER = 16 << 10;

  /**
   * A line without its line feed.
   *
   * @param bytes null if it was longer than may be; then {@code length} has been skipped
   */
  record Line(byte @Nullable [] bytes, long length) {}

  private final InputStream in;
  private final int maxLength;
  private final long announced;
  private final byte[] buffer = new byte[BUFFER];
  private int at;
  private int end;
  private long read;
  private final ByteArrayOutputStream part = new ByteArrayOutputStream();

  /**
   * @param announced how long the body is to be; negative if that is not known
   */
  LineReader(InputStream in, int maxLength, long announced) {
    this.in = in;
    this.maxLength = maxLength;
    this.announced = announced;
  }

  /** Whether the next line has arrived as a whole, so that {@link #next} does not wait for the client. */
  boolean isReady() {
    for (int i = at; i < end; i++) {
      if (buffer[i] == '\n') {
        return true;
      }
    }
    return false;
  }

  /**
   * The next line; null if there is none. What stands behind the last line feed is a line unless it is empty.
   *
   * @throws IOException if the client is gone or does not send; what it had sent of a line is dropped
   */
  @Nullable Line next() throws IOException {
    part.reset();
    long length = 0;
    while (true) {
      int from = at;
      while (at < end && buffer[at] != '\n') {
        at++;
      }
      length += at - from;
      if (length <= maxLength) {
        part.write(buffer, from, at - from);
      }
      if (at < end) {
        at++;
        return line(length);
      }
      if (!fill()) {
        return length == 0 ? null : line(length);
      }
    }
  }

  private Line line(long length) {
    return new Line(length > maxLength ? null : part.toByteArray(), length);
  }

  private boolean fill() throws IOException {
    at = 0;
    end = Math.max(0, in.read(buffer));
    read += end;
    if (end == 0 && read < announced) {
      throw new EOFException("the body is shorter than announced");
    }
    return end > 0;
  }
}
