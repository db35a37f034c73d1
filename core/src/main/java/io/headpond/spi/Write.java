package io.headpond.spi;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.RequestId;
import io.headpond.Row;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A change that has not been given a version yet.
 *
 * @param key the entry
 * @param row its new value; null removes the entry
 * @param durability what must be kept before the write counts as done; {@link Durability#DATABASE}
 *     stages it, see {@link HotStore#put}
 * @param callerWaits the caller is about to block on the stage and attaches nothing to it: the store may work on it
 *     in the caller's thread
 * @param expected what the store must hold for the write to be carried out; null for whatever it is
 * @param request under which it is remembered; null if it is not
 */
public record Write(
    Key key,
    @Nullable Row row,
    Durability durability,
    boolean callerWaits,
    @Nullable Expected expected,
    @Nullable RequestId request) {
  public Write {
    Objects.requireNonNull(durability, "durability");
  }

  /** A write whatever the store holds, whose caller does not wait. */
  public Write(Key key, @Nullable Row row, Durability durability) {
    this(key, row, durability, false);
  }

  /** A write whatever the store holds. */
  public Write(Key key, @Nullable Row row, Durability durability, boolean callerWaits) {
    this(key, row, durability, callerWaits, null, null);
  }
}
