package io.headpond.redis;

import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.spi.Lookup;
import io.headpond.spi.Owed;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/**
 * Answers reads of a store. A hit is one GET: what it returns counts if the same server process answers in which the partition is known to be open; what is pending always does,
 * what is clean if it is of the same life. Else, and on a miss, a script looks. Thread-safe.
 */
final class Reads {
  /** How long it is remembered that there is no such row. */
  private static final Duration ABSENT_TTL = Duration.ofSeconds(5);

  /** How long what is clean is kept where its time to live has no end: a shared store has no other bound for it. */
  static final Duration LONGEST_TTL = Duration.ofDays(1);

  private static final int MOST_KEYS = 256;

  private final Caller caller;
  private final byte[] ttl;
  private final byte[] absentTtl;

  Reads(Caller caller) {
    this.caller = caller;
    Duration wanted = caller.settings.ttl();
    Duration kept =
        wanted.isZero() ? LONGEST_TTL : wanted.toMillis() == 0 ? Duration.ofMillis(1) : wanted;
    Duration absent = kept.compareTo(ABSENT_TTL) < 0 ? kept : ABSENT_TTL;
    this.ttl = Keys.bytes(kept.toMillis());
    this.absentTtl = Keys.bytes(absent.toMillis());
  }

  /** In milliseconds. */
  byte[] ttl() {
    return ttl;
  }

  /** Of what is absent, in milliseconds. */
  byte[] absentTtl() {
    return absentTtl;
  }

  CompletableFuture<List<Lookup>> get(List<Key> keys) {
    Map<Shard, List<Integer>> byShard = new LinkedHashMap<>();
    for (int i = 0; i < keys.size(); i++) {
      byShard.computeIfAbsent(caller.shard(keys.get(i)), shard -> new ArrayList<>()).add(i);
    }
    Lookup[] found = new Lookup[keys.size()];
    List<CompletableFuture<?>> parts = new ArrayList<>();
    byShard.forEach(
        (shard, all) ->
            parts.add(Caller.inParts(all, MOST_KEYS, indexes -> get(shard, keys, indexes, found))));
    return CompletableFuture.allOf(parts.toArray(CompletableFuture<?>[]::new))
        .thenApply(done -> List.of(found));
  }

  private CompletableFuture<?> get(
      Shard shard, List<Key> keys, List<Integer> indexes, Lookup[] found) {
    List<byte[]> entries = indexes.stream().map(i -> caller.entry(keys.get(i))).toList();
    return caller
        .wire
        .get(entries)
        .toCompletableFuture()
        .thenCompose(
            answer -> {
              Status status = shard.status();
              Status known = status != null && status.run().equals(answer.run()) ? status : null;
              List<?> values = Caller.list(answer);
              List<Integer> missed = new ArrayList<>();
              for (int i = 0; i < values.size(); i++) {
                int index = indexes.get(i);
                Lookup hit =
                    known != null && values.get(i) instanceof byte[] value
                        ? hit(keys.get(index), value, known)
                        : null;
                if (hit == null) {
                  missed.add(index);
                } else {
                  found[index] = hit;
                }
              }
              return missed.isEmpty()
                  ? CompletableFuture.completedFuture(null)
                  : lookup(shard, keys, missed, found);
            });
  }

  /** What readers are given; null if a script has to look. */
  private @Nullable Lookup hit(Key key, byte[] value, Status known) {
    Stored stored = Stored.parse(value, caller.texts.text(key));
    boolean stands =
        switch (stored.state()) {
          case 'C' -> stored.time() == known.life();
          case 'T' -> stored.time() == known.opened();
          default -> true;
        };
    return stands ? stored.lookup(key, caller.settings.rowType()) : null;
  }

  private CompletableFuture<?> lookup(
      Shard shard, List<Key> keys, List<Integer> missed, Lookup[] found) {
    List<byte[]> entries = new ArrayList<>();
    List<byte[]> tokens = new ArrayList<>();
    for (int index : missed) {
      entries.add(caller.entry(keys.get(index)));
      long random = caller.environment.random();
      tokens.add(Stored.hex(random == 0 ? 1 : random));
    }
    return Caller.overloaded(caller.run(shard, Scripts.LOOKUP, entries, tokens, Durability.MEMORY))
        .thenAccept(
            items -> {
              for (int index : missed) {
                Key key = keys.get(index);
                Stored stored = Stored.parse(items.bytes(), caller.texts.text(key));
                found[index] = stored.lookup(key, caller.settings.rowType());
              }
            });
  }

  CompletableFuture<@Nullable Lookup> fill(
      Key key, @Nullable Row row, long version, long fillToken) {
    if (fillToken == 0) {
      return CompletableFuture.completedFuture(null);
    }
    return caller
        .run(
            key,
            Scripts.FILL,
            List.of(
                Stored.kind(row),
                Keys.bytes(version),
                Stored.hex(fillToken),
                Stored.hex(caller.environment.random()),
                Stored.encode(row),
                ttl,
                absentTtl))
        .thenApply(
            items -> {
              Object result = items.next();
              if (result instanceof byte[] value) {
                return Stored.parse(value, caller.texts.text(key))
                    .lookup(key, caller.settings.rowType());
              }
              return switch (((Long) result).intValue()) {
                case 0 -> null;
                case 16 ->
                    throw new UnavailableException(
                        "the partition's clock is at its end: no version is left");
                default ->
                    throw new ConfigurationException(
                        "the version column of a row holds "
                            + version
                            + "; it must be from 0 to 2^53 - 2 and belong to Headpond alone");
              };
            });
  }

  CompletableFuture<@Nullable EntryState> invalidate(Key key) {
    return caller
        .run(key, Scripts.INVALIDATE, List.of())
        .thenApply(
            items ->
                switch ((int) items.number()) {
                  case 1 -> EntryState.PENDING;
                  case 2 -> EntryState.PARKED;
                  default -> null;
                });
  }

  CompletableFuture<Owed> owed(Key key) {
    return caller
        .run(key, Scripts.DESCRIBE, List.of(Keys.bytes("0")))
        .thenApply(
            items -> {
              byte[] value = items.described().value();
              if (value == null) {
                return Owed.NOTHING;
              }
              Stored stored = Stored.parse(value, caller.texts.text(key));
              return new Owed(stored.time(), stored.state() == 'L');
            });
  }
}
