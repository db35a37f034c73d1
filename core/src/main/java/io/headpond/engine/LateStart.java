package io.headpond.engine;

import io.headpond.ConfigurationException;
import io.headpond.spi.FencedException;
import io.headpond.spi.HotStore;
import io.headpond.spi.SystemOfRecord;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Of a cache that began without the database, with the table as it was the last time: ties table and store to each other as soon as the database answers, once for all partitions. Each partition
 * then acquires its lease. Thread-safe.
 *
 * <p>What the store remembers for it: a byte 1, the time in microseconds since the epoch (8 bytes, big endian), and what {@link SystemOfRecord#mapping} gave.
 */
final class LateStart {
  private static final Logger log = LoggerFactory.getLogger(LateStart.class);
  private static final byte FORMAT = 1;
  private static final int HEADER = 1 + Long.BYTES;

  /** A table as it was at some time. */
  record Remembered(long micros, byte[] mapping) {
    /** What the bytes mean; null if they are of another release. */
    static @Nullable Remembered of(byte @Nullable [] bytes) {
      if (bytes == null || bytes.length < HEADER || bytes[0] != FORMAT) {
        return null;
      }
      ByteBuffer buffer = ByteBuffer.wrap(bytes, 1, bytes.length - 1);
      long micros = buffer.getLong();
      byte[] mapping = new byte[buffer.remaining()];
      buffer.get(mapping);
      return new Remembered(micros, mapping);
    }

    byte[] bytes() {
      return ByteBuffer.allocate(HEADER + mapping.length)
          .put(FORMAT)
          .putLong(micros)
          .put(mapping)
          .array();
    }
  }

  private final Core core;

  /** From when the mapping is that serves until the database answers; null where the cache began with it. */
  private final @Nullable Instant since;

  private @Nullable CompletableFuture<Boolean> bound;
  private volatile boolean done;

  private LateStart(Core core, @Nullable Instant since) {
    this.core = core;
    this.since = since;
    this.done = since == null;
  }

  /** The database was there at the start. */
  static LateStart none(Core core) {
    return new LateStart(core, null);
  }

  /** The database was not there. */
  static LateStart with(Core core, Remembered mapping) {
    return new LateStart(core, Instant.EPOCH.plus(mapping.micros, ChronoUnit.MICROS));
  }

  /** Keeps what a start without the database needs; that it cannot is no reason not to go on. Blocks. */
  static void remember(String name, HotStore store, SystemOfRecord record, long nowMicros) {
    try {
      store.remember(new Remembered(nowMicros, record.mapping()).bytes());
    } catch (RuntimeException e) {
      log.warn(
          "{}: the mapping could not be kept for a start without the database: {}",
          name,
          Failures.message(e));
    }
  }

  /**
   * Ties the table to the store, whoever of the partitions asks first.
   *
   * @return whether they belonged together before. Fails as {@link SystemOfRecord#bind}, but if the table belongs to another store, with {@link FencedException}
   */
  synchronized CompletionStage<Boolean> bound() {
    CompletableFuture<Boolean> current = bound;
    if (current == null && done) {
      return CompletableFuture.completedFuture(true);
    }
    if (current == null || current.isCompletedExceptionally()) {
      current =
          core.systemOfRecord()
              .bind(core.store().id(), core.settings().partitions(), false)
              .exceptionallyCompose(this::whose)
              .thenApply(this::tied)
              .toCompletableFuture();
      bound = current;
    }
    return current;
  }

  /** Whether another store is in the way tells the lease, which is refused to all but one. */
  private CompletionStage<Boolean> whose(Throwable failure) {
    if (!(Failures.cause(failure) instanceof ConfigurationException)) {
      return CompletableFuture.failedFuture(failure);
    }
    return core.systemOfRecord()
        .acquire(core.store().id(), 0)
        .handle(
            (lease, fenced) -> {
              if (lease != null && core.shared() != null) {
                core.systemOfRecord().release(lease);
              }
              return fenced;
            })
        .thenCompose(
            fenced ->
                CompletableFuture.failedFuture(
                    fenced != null && Failures.cause(fenced) instanceof FencedException
                        ? fenced
                        : failure));
  }

  private boolean tied(boolean resumed) {
    done = true;
    log.info("{}: the database answers, its table is as it was", core.settings().name());
    core.environment()
        .executeBlocking(
            () ->
                remember(
                    core.settings().name(),
                    core.store(),
                    core.systemOfRecord(),
                    core.environment().wallMicros()));
    return resumed;
  }

  /** Why the cache is not as well as it could be; null if it is not for the start. */
  @Nullable String reason() {
    return done
        ? null
        : "started without the database; the mapping of "
            + (since == null ? "" : since.truncatedTo(ChronoUnit.SECONDS))
            + " serves";
  }
}
