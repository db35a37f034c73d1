package io.headpond.engine;

import io.headpond.Column;
import io.headpond.ConfigurationException;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.RowType;
import io.headpond.spi.Environment;
import io.headpond.spi.SystemOfRecord;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Makes keys that no entry has: UUIDs of version 7 (RFC 9562, section 5.7), or numbers of
 * the table's sequence, taken in blocks ahead of their use. Thread-safe.
 */
final class KeyGenerator {
  private static final int BLOCK = 256;
  private static final int UUID_LENGTH = 36;

  private final RowType rowType;
  private final SystemOfRecord systemOfRecord;
  private final Environment environment;

  /** Guards what follows. */
  private final Object lock = new Object();

  private final ArrayDeque<Long> numbers = new ArrayDeque<>();
  private final ArrayDeque<CompletableFuture<Key>> waiting = new ArrayDeque<>();
  private boolean asking;

  KeyGenerator(Core core) {
    this.rowType = core.systemOfRecord().rowType();
    this.systemOfRecord = core.systemOfRecord();
    this.environment = core.environment();
  }

  CompletableFuture<Key> next() {
    List<Column> columns = rowType.keyColumns();
    Column column = columns.get(0);
    if (columns.size() > 1) {
      return refuse("key", columns.size() + " columns", "must be one column to be generated");
    }
    return switch (column.type().kind()) {
      case UUID -> CompletableFuture.completedFuture(rowType.key(uuid()));
      case TEXT ->
          column.type().length() > 0 && column.type().length() < UUID_LENGTH
              ? refuse(
                  column.name(),
                  column.type().toString(),
                  "must hold 36 characters for a key to be generated")
              : CompletableFuture.completedFuture(rowType.key(uuid().toString()));
      case SMALLINT, INTEGER, BIGINT -> nextNumber();
      default ->
          refuse(
              column.name(),
              column.type().toString(),
              "must be uuid, text or a whole number for a key to be generated");
    };
  }

  private static CompletableFuture<Key> refuse(String path, String value, String rule) {
    return CompletableFuture.failedFuture(new InvalidValueException(path, value, rule));
  }

  private UUID uuid() {
    long millis = Math.floorDiv(environment.wallMicros(), 1_000L);
    return new UUID(
        millis << 16 | 0x7000 | environment.random() & 0xfff,
        environment.random() & ~(3L << 62) | 1L << 63);
  }

  private CompletableFuture<Key> nextNumber() {
    CompletableFuture<Key> result = new CompletableFuture<>();
    Long number;
    boolean ask;
    synchronized (lock) {
      number = waiting.isEmpty() ? numbers.poll() : null;
      if (number == null) {
        waiting.add(result);
      }
      ask = !asking && numbers.size() < BLOCK / 2;
      asking |= ask;
    }
    if (number != null) {
      complete(result, number);
    }
    if (ask) {
      ask();
    }
    return result;
  }

  private void ask() {
    CompletionStage<List<Long>> block;
    try {
      block = systemOfRecord.nextKeys(BLOCK);
    } catch (RuntimeException | Error e) {
      block = CompletableFuture.failedFuture(e);
    }
    block.whenComplete(this::arrived);
  }

  private void arrived(@Nullable List<Long> block, @Nullable Throwable failure) {
    record Given(CompletableFuture<Key> to, long number) {}
    List<Given> given = new ArrayList<>();
    List<CompletableFuture<Key>> failed = new ArrayList<>();
    boolean more;
    synchronized (lock) {
      if (block == null || block.isEmpty()) {
        failed.addAll(waiting);
        waiting.clear();
      } else {
        numbers.addAll(block);
      }
      while (!waiting.isEmpty() && !numbers.isEmpty()) {
        given.add(new Given(waiting.remove(), numbers.remove()));
      }
      more = !waiting.isEmpty();
      asking = more;
    }
    environment.executeCallback(
        () -> {
          given.forEach(each -> complete(each.to, each.number));
          if (!failed.isEmpty()) {
            Throwable reason = reason(failure);
            failed.forEach(each -> each.completeExceptionally(reason));
          }
        });
    if (more) {
      ask();
    }
  }

  private Throwable reason(@Nullable Throwable failure) {
    Throwable cause =
        failure == null ? new IllegalStateException("no numbers came") : Failures.cause(failure);
    if (cause instanceof ConfigurationException) {
      Column column = rowType.keyColumns().get(0);
      return new InvalidValueException(
          column.name(),
          column.type().toString(),
          "must have a sequence for a key to be generated: " + cause.getMessage());
    }
    return cause;
  }

  private void complete(CompletableFuture<Key> result, long number) {
    try {
      result.complete(rowType.key(number));
    } catch (InvalidValueException e) {
      result.completeExceptionally(e);
    }
  }
}
