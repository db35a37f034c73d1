package io.headpond.redis;

import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.output.CommandOutput;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Reads an answer of any shape: integers as {@link Long}, strings as {@code byte[]}, arrays as {@link List}, nil as null. Used by one thread. */
final class Reply extends CommandOutput<byte[], byte[], Object> {
  private record Open(int expected, List<@Nullable Object> values) {}

  private final Deque<Open> open = new ArrayDeque<>();

  @SuppressWarnings("NullAway") // the output of a command without an answer is null
  Reply() {
    super(ByteArrayCodec.INSTANCE, null);
  }

  @Override
  @SuppressWarnings("NullAway") // Lettuce says nothing about null; nil comes as null
  public void set(@Nullable ByteBuffer bytes) {
    add(bytes == null ? null : codec.decodeValue(bytes));
  }

  @Override
  public void set(long integer) {
    add(integer);
  }

  @Override
  public void multi(int count) {
    if (count < 0) {
      add(null);
    } else if (count == 0) {
      add(List.of());
    } else {
      open.push(new Open(count, new ArrayList<>(count)));
    }
  }

  @SuppressWarnings("NullAway") // see the constructor
  private void add(@Nullable Object value) {
    Object complete = value;
    for (Open array = open.peek(); array != null; array = open.peek()) {
      array.values().add(complete);
      if (array.values().size() < array.expected()) {
        return;
      }
      open.pop();
      complete = Collections.unmodifiableList(array.values());
    }
    output = complete;
  }
}
