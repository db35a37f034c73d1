package io.headpond.redis;

import io.headpond.DeadLetterFilter;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.PendingEntry;
import io.headpond.PendingPage;
import io.headpond.redis.Items.Described;
import io.headpond.spi.Letter;
import io.headpond.spi.Letter.Fate;
import io.headpond.spi.RowCodec;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** What a person sees of entries of a store that are owed, and does with them. Texts are in the order of their characters' code points. Thread-safe. */
final class Letters {
  private static final int PAGE = 200;
  private static final int MOST_KEYS = 256;

  /** As Redis orders them. */
  private static final Comparator<String> BY_TEXT =
      (a, b) ->
          Arrays.compareUnsigned(
              a.getBytes(StandardCharsets.UTF_8), b.getBytes(StandardCharsets.UTF_8));

  private final Caller caller;

  Letters(Caller caller) {
    this.caller = caller;
  }

  CompletableFuture<@Nullable Letter> letter(Key key) {
    return caller
        .run(key, Scripts.DESCRIBE, List.of(Keys.bytes("1")))
        .thenApply(items -> letter(key, caller.texts.text(key), items.described()));
  }

  private @Nullable Letter letter(Key key, String text, Described described) {
    byte[] value = described.value();
    if (value == null) {
      return null;
    }
    Stored stored = Stored.parse(value, text);
    return stored.state() != 'L'
        ? null
        : new Letter(
            stored.mutation(key, caller.settings.rowType()),
            text,
            described.refused().attempts(),
            described.refused().firstMicros(),
            described.refused().failure());
  }

  CompletableFuture<Fate> retry(Key key, long version) {
    return decide(key, "retry", version);
  }

  CompletableFuture<Fate> discard(Key key, long version) {
    return decide(key, "discard", version);
  }

  CompletableFuture<Fate> purge(Key key, long version, boolean carried) {
    return decide(key, carried ? "carried" : "purge", version);
  }

  private CompletableFuture<Fate> decide(Key key, String what, long version) {
    return caller
        .run(
            caller.shard(key),
            Scripts.LETTER,
            List.of(caller.entry(key)),
            List.of(Keys.bytes(what), Keys.bytes(version), Stored.hex(caller.environment.random())),
            caller.strongest())
        .thenApply(
            items ->
                switch ((int) items.number()) {
                  case 0 -> Fate.DONE;
                  case 1 -> Fate.NONE;
                  case 2 -> Fate.RETRIED;
                  case 3 -> Fate.SUPERSEDED;
                  default -> Fate.UNDECIDED;
                });
  }

  // Dead letters

  CompletableFuture<List<Letter>> letters(
      DeadLetterFilter filter, @Nullable String after, int limit) {
    checkLimit(limit);
    List<CompletableFuture<List<String>>> parts = new ArrayList<>();
    for (Shard shard : caller.shards) {
      parts.add(texts(shard, filter, start(filter.prefix(), after), limit, new ArrayList<>()));
    }
    return Caller.all(parts)
        .thenCompose(
            found -> {
              List<String> page =
                  found.stream().flatMap(List::stream).sorted(BY_TEXT).limit(limit).toList();
              return describe(page, "1")
                  .thenApply(
                      described -> {
                        List<Letter> letters = new ArrayList<>(page.size());
                        for (String text : page) {
                          // It may have gone or changed since it was found.
                          Described of = Objects.requireNonNull(described.get(text));
                          Letter letter = letter(caller.texts.key(text), text, of);
                          if (letter != null && meant(filter, text, letter.failure())) {
                            letters.add(letter);
                          }
                        }
                        return letters;
                      });
            });
  }

  private static boolean meant(
      DeadLetterFilter filter, String text, io.headpond.spi.Failure failure) {
    return filter.test(text, failure.error(), RowCodec.instant(failure.micros()));
  }

  /** Where a list begins, as ZRANGEBYLEX has it. */
  private static byte[] start(String prefix, @Nullable String after) {
    boolean behind = after != null && BY_TEXT.compare(after, prefix) >= 0;
    return Keys.bytes(behind ? "(" + after : "[" + prefix);
  }

  /** The texts of the first so many letters of a partition that are meant. */
  private CompletableFuture<List<String>> texts(
      Shard shard, DeadLetterFilter filter, byte[] start, int limit, List<String> found) {
    return caller
        .run(shard, Scripts.PARKED, List.of(start, Keys.bytes(PAGE)))
        .thenCompose(
            items -> {
              int seen = 0;
              String last = "";
              boolean within = true;
              while (items.more() && found.size() < limit) {
                seen++;
                last = items.text();
                Items.Refused refused = items.refused();
                within = last.startsWith(filter.prefix());
                if (within && meant(filter, last, refused.failure())) {
                  found.add(last);
                }
              }
              return seen < PAGE || !within || found.size() >= limit
                  ? CompletableFuture.completedFuture(found)
                  : texts(shard, filter, Keys.bytes("(" + last), limit, found);
            });
  }

  /** All that is known of some entries, by the texts of their keys. */
  private CompletableFuture<Map<String, Described>> describe(List<String> texts, String rows) {
    Map<Shard, List<String>> byShard = new LinkedHashMap<>();
    for (String text : texts) {
      Shard shard = caller.shard(caller.texts.key(text));
      byShard.computeIfAbsent(shard, s -> new ArrayList<>()).add(text);
    }
    List<CompletableFuture<List<Map<String, Described>>>> parts = new ArrayList<>();
    byShard.forEach(
        (shard, all) ->
            parts.add(Caller.inParts(all, MOST_KEYS, part -> describe(shard, part, rows))));
    return Caller.all(parts)
        .thenApply(
            maps -> {
              Map<String, Described> all = new HashMap<>();
              maps.forEach(list -> list.forEach(all::putAll));
              return all;
            });
  }

  private CompletableFuture<Map<String, Described>> describe(
      Shard shard, List<String> texts, String rows) {
    List<byte[]> keys = texts.stream().map(text -> shard.entry(Keys.bytes(text))).toList();
    return caller
        .run(shard, Scripts.DESCRIBE, keys, List.of(Keys.bytes(rows)), Durability.MEMORY)
        .thenApply(
            items -> {
              Map<String, Described> described = new HashMap<>();
              texts.forEach(text -> described.put(text, items.described()));
              return described;
            });
  }

  // What is pending

  CompletableFuture<PendingPage> pending(String prefix, @Nullable String after, int limit) {
    checkLimit(limit);
    int most = (int) Math.min(limit + 1L, Integer.MAX_VALUE);
    TreeSet<String> first = new TreeSet<>(BY_TEXT);
    List<CompletableFuture<?>> scans = new ArrayList<>();
    for (Shard shard : caller.shards) {
      for (String set : List.of("ready", "since", "parked")) {
        scans.add(scan(shard, set, Keys.bytes("0"), prefix, after, most, first));
      }
    }
    return CompletableFuture.allOf(scans.toArray(CompletableFuture<?>[]::new))
        .thenCompose(done -> page(List.copyOf(first), limit));
  }

  /** Goes through a set of a partition and keeps the first so many texts. */
  private CompletableFuture<?> scan(
      Shard shard,
      String set,
      byte[] cursor,
      String prefix,
      @Nullable String after,
      int most,
      TreeSet<String> first) {
    return caller
        .run(shard, Scripts.SCAN, List.of(Keys.bytes(set), cursor))
        .thenCompose(
            items -> {
              byte[] next = items.bytes();
              while (items.more()) {
                String text = items.text();
                if (text.startsWith(prefix)
                    && (after == null || BY_TEXT.compare(text, after) > 0)) {
                  keep(first, text, most);
                }
              }
              return next.length == 1 && next[0] == '0'
                  ? CompletableFuture.completedFuture(null)
                  : scan(shard, set, next, prefix, after, most, first);
            });
  }

  private static void keep(TreeSet<String> first, String text, int most) {
    synchronized (first) {
      if (first.size() < most || BY_TEXT.compare(text, first.last()) < 0) {
        first.add(text);
        if (first.size() > most) {
          first.pollLast();
        }
      }
    }
  }

  private CompletableFuture<PendingPage> page(List<String> texts, int limit) {
    List<String> page = texts.subList(0, Math.min(limit, texts.size()));
    String next = texts.size() > limit ? page.get(limit - 1) : null;
    return describe(page, "0")
        .thenApply(
            described -> {
              List<PendingEntry> entries = new ArrayList<>(page.size());
              for (String text : page) {
                PendingEntry entry = entry(text, Objects.requireNonNull(described.get(text)));
                if (entry != null) {
                  entries.add(entry);
                }
              }
              return new PendingPage(entries, next);
            });
  }

  private @Nullable PendingEntry entry(String text, Described described) {
    byte[] value = described.value();
    if (value == null) {
      return null;
    }
    Stored stored = Stored.parse(value, text);
    Status status = caller.shard(caller.texts.key(text)).status();
    long now = status == null ? described.since() : Math.max(status.clock(), status.micros());
    boolean refused = stored.state() != 'R';
    return new PendingEntry(
        text,
        stored.version(),
        !stored.present(),
        stored.state() == 'L' ? EntryState.PARKED : EntryState.PENDING,
        Duration.ofNanos(TimeUnit.MICROSECONDS.toNanos(Math.max(0, now - described.since()))),
        refused ? described.refused().attempts() : 0,
        stored.state() == 'D' ? RowCodec.instant(described.due()) : null,
        refused ? described.refused().failure().error() : null);
  }

  private static void checkLimit(int limit) {
    if (limit < 1) {
      throw new IllegalArgumentException("limit: " + limit + ": must be at least 1");
    }
  }
}
