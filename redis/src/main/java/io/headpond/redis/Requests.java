package io.headpond.redis;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.RequestConflictException;
import io.headpond.RequestId;
import io.headpond.spi.Remembered;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Carries out writes with a request id, each once. Thread-safe.
 *
 * <p>The request is remembered in the step that stores its write, in the partition of the entry. Since a second one under the same id may mean another entry, in another partition, the id is
 * <em>claimed</em> first, for one entry, in the partition that the id falls into. Whoever finds it claimed for another entry looks there whether it was carried out. If it was not, the first is still under
 * way, or its process died between the two steps: after a while its claim is <em>voided</em> in the entry's partition, so that its write is refused if it still comes, and then taken over. Claims have generations,
 * versions of the partition that they stand in, so that a later one is not voided with an earlier one.
 */
final class Requests {
  private static final long ABANDONED_MICROS = TimeUnit.SECONDS.toMicros(10);
  private static final int MOST_TRIES = 5;

  private final Caller caller;
  private final Writes writes;

  Requests(Caller caller, Writes writes) {
    this.caller = caller;
    this.writes = writes;
  }

  CompletableFuture<WriteOutcome> put(Write write, RequestId request, byte[] text, byte[] row) {
    return put(write, request, text, row, 0, 1);
  }

  private CompletableFuture<WriteOutcome> put(
      Write write, RequestId request, byte[] text, byte[] row, long takenOver, int tries) {
    if (tries > MOST_TRIES) {
      return CompletableFuture.failedFuture(underWay(request));
    }
    Durability level = Writes.level(write);
    return claim(request.id(), text, takenOver, level)
        .thenCompose(
            claim -> {
              if (claim.key.equals(Keys.text(text))) {
                byte[] at = caller.keys.request(caller.shard(write.key()).number, request.id());
                return writes
                    .enqueue(write, text, row, at, claim.generation)
                    .thenCompose(
                        outcome -> {
                          if (outcome == null) {
                            // Nothing can be written with the claim any more. Who voided it may be
                            // gone.
                            return put(write, request, text, row, claim.generation, tries + 1);
                          }
                          boolean done =
                              outcome instanceof WriteOutcome.Written
                                  || outcome instanceof WriteOutcome.Repeated;
                          return done
                              ? CompletableFuture.completedFuture(outcome)
                              : release(request.id(), claim.generation)
                                  .handle((given, e) -> outcome);
                        });
              }
              boolean abandoned = claim.age >= ABANDONED_MICROS;
              return carriedOut(request.id(), claim.key, abandoned ? claim.generation : 0, level)
                  .thenCompose(
                      earlier -> {
                        if (earlier != null) {
                          return CompletableFuture.completedFuture(
                              (WriteOutcome) new WriteOutcome.Repeated(earlier));
                        }
                        return abandoned
                            ? put(write, request, text, row, claim.generation, tries + 1)
                            : CompletableFuture.failedFuture(underWay(request));
                      });
            });
  }

  private static RequestConflictException underWay(RequestId request) {
    return new RequestConflictException(
        "request " + request.id() + " is being carried out; try again soon", true);
  }

  /** The request that was carried out under an id; null if none was. */
  CompletableFuture<@Nullable Remembered> request(String id) {
    Durability level = caller.strongest();
    return claim(id, new byte[0], 0, level)
        .thenCompose(
            claim ->
                claim.generation == 0
                    ? CompletableFuture.completedFuture((@Nullable Remembered) null)
                    : carriedOut(id, claim.key, 0, level));
  }

  /**
   * Whose an id is.
   *
   * @param generation 0 if it is nobody's
   * @param age how long, in microseconds
   */
  private record Claim(long generation, String key, long age) {}

  private CompletableFuture<Claim> claim(String id, byte[] text, long takenOver, Durability level) {
    Shard shard = claims(id);
    return Caller.overloaded(
        caller
            .run(
                shard,
                Scripts.CLAIM,
                List.of(caller.keys.claim(shard.number, id)),
                List.of(text, Keys.bytes(takenOver)),
                level)
            .thenApply(items -> new Claim(items.number(), items.text(), items.number())));
  }

  /** For who means another entry with the id; the write has voided the claim already. If this fails, it is taken over in time. */
  private CompletableFuture<Items> release(String id, long generation) {
    Shard shard = claims(id);
    return caller.run(
        shard,
        Scripts.RELEASE,
        List.of(caller.keys.claim(shard.number, id)),
        List.of(Keys.bytes(generation)),
        Durability.MEMORY);
  }

  private Shard claims(String id) {
    return caller.shard(Key.ofCanonical(id.getBytes(StandardCharsets.UTF_8)));
  }

  private CompletableFuture<@Nullable Remembered> carriedOut(
      String id, String keyText, long voided, Durability level) {
    Shard shard = caller.shard(caller.texts.key(keyText));
    return Caller.overloaded(
        caller
            .run(
                shard,
                Scripts.REQUEST,
                List.of(caller.keys.request(shard.number, id)),
                List.of(Keys.bytes(voided)),
                level)
            .thenApply(
                items -> {
                  byte[] value = items.bytes();
                  return value.length == 0 ? null : remembered(caller, id, value);
                }));
  }

  /** What stands where a request is remembered: R, its version and time in 16 digits each, the text of its key, and in a new line its fingerprint. */
  static Remembered remembered(Caller caller, String id, byte[] value) {
    String text = Keys.text(value);
    int end = text.indexOf('\n', 36);
    return new Remembered(
        new RequestId(id, text.substring(end + 1)),
        caller.texts.key(text.substring(36, end)),
        Long.parseLong(text.substring(2, 18)),
        Long.parseLong(text.substring(19, 35)));
  }
}
