package io.headpond.journal;

import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.RequestConflictException;
import io.headpond.RequestId;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.UnsupportedDurabilityException;
import io.headpond.spi.Expected;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.Remembered;
import io.headpond.spi.RowCodec;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/** Takes writes into a store. Thread-safe. */
final class Writes {
  private final StoreState store;
  private final Reads reads;

  Writes(StoreState store, Reads reads) {
    this.store = store;
    this.reads = reads;
  }

  CompletableFuture<WriteOutcome> put(Write write) {
    try {
      if (write.durability() == Durability.REPLICAS) {
        throw new UnsupportedDurabilityException(
            Durability.REPLICAS,
            "the embedded journal has no replicas; its strongest level is DISK. Use a shared hot store for REPLICAS");
      }
      Row row = write.row();
      boolean journaled =
          write.durability() == Durability.JOURNAL || write.durability() == Durability.DISK;
      if (write.request() != null) {
        RequestId.requireKept(write.durability());
      }
      byte[] encoded = journaled && row != null ? RowCodec.encode(row) : null;
      int length = encoded != null ? encoded.length : row == null ? 0 : row.encodedSize();
      checkLength(write, length);
      int size = write.key().length() + length + HotEntry.OVERHEAD;
      if (size > store.settings.maxPendingBytes()) {
        throw new InvalidValueException(
            "row",
            size + " bytes",
            "must have at most " + store.settings.maxPendingBytes() + " bytes (maxPendingBytes)");
      }
      if (write.request() != null) {
        return once(write, write.request(), encoded, size);
      }
      return write.durability() == Durability.DATABASE
          ? CompletableFuture.completedFuture(stage(write, size))
          : store(write, encoded, size, journaled, null);
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private void checkLength(Write write, int rowLength) {
    Key key = write.key();
    int most = store.journal.maxGroup() - Group.MAX_OVERHEAD;
    if (write.request() != null) {
      most -= Group.requestLength(write.request(), key);
    }
    if (key.length() + (long) rowLength > most) {
      throw new InvalidValueException(
          "row",
          rowLength + " bytes",
          "must have at most "
              + (most - key.length())
              + " bytes, for it to fit into a segment of the journal ("
              + store.journal.segmentSize()
              + " bytes)");
    }
  }

  /** The request that was carried out under this id, when it is forced to the disk; null if there is none. */
  CompletableFuture<@Nullable Remembered> request(String id) {
    store.checkOpen();
    Requests.Request request =
        store.requests.get(id, store.environment.wallMicros(), store.environment.nanos());
    Requests.Found found = request == null ? null : store.requests.found(request);
    if (found != null) {
      return store.journal.<@Nullable Remembered>forced(found.end(), found.remembered(), false);
    }
    Throwable failure = store.journal.failure();
    return request != null && failure != null
        ? CompletableFuture.failedFuture(
            new OutcomeUnknownException(
                "the journal failed while the request was carried out", failure))
        : CompletableFuture.completedFuture(null);
  }

  /** Carries out a write with a request id unless that has been done. */
  private CompletableFuture<WriteOutcome> once(
      Write write, RequestId id, byte @Nullable [] encoded, int size) {
    // A repeated request needs no room and no lease, but a store that knows what it says.
    store.checkWritable();
    Requests.Request request =
        new Requests.Request(
            id, write.key(), store.environment.wallMicros(), store.environment.nanos());
    Requests.Request earlier = store.requests.claim(request);
    if (earlier != null) {
      return repeated(write, earlier);
    }
    try {
      return store(write, encoded, size, true, request);
    } finally {
      // Whatever has kept it from the journal.
      if (!request.mayBeWritten) {
        store.requests.release(request);
      }
    }
  }

  /** The answer to a request that came before, when that is as durable as this one is to be. */
  private CompletableFuture<WriteOutcome> repeated(Write write, Requests.Request earlier) {
    Requests.Found found = store.requests.found(earlier);
    if (found == null) {
      throw new RequestConflictException(
          "request " + earlier.id.id() + " is being carried out; try again soon", true);
    }
    WriteOutcome repeated = new WriteOutcome.Repeated(found.remembered());
    return write.durability() == Durability.DISK
        ? store.journal.forced(found.end(), repeated, write.callerWaits())
        : CompletableFuture.completedFuture(repeated);
  }

  private CompletableFuture<WriteOutcome> store(
      Write write,
      byte @Nullable [] encoded,
      int size,
      boolean journaled,
      Requests.@Nullable Request request) {
    Partition partition = store.partition(write.key());
    WriteOutcome outcome;
    long end;
    partition.lock.lock();
    try {
      store.checkWritable();
      HotEntry entry = store.entries.get(write.key());
      WriteOutcome unexpected = check(write, partition);
      if (unexpected != null) {
        return CompletableFuture.completedFuture(unexpected);
      }
      Trouble kept = kept(entry);
      int bytes = kept == null ? size : size + kept.bytes();
      Tenant tenant = admit(write, entry, bytes);
      if (tenant == null) {
        return CompletableFuture.completedFuture(WriteOutcome.Full.INSTANCE);
      }
      Mutation mutation;
      Group group = null;
      try {
        mutation = mutation(write, partition);
        if (journaled) {
          group = store.group.get().clear();
          record(group, entry, mutation, encoded, request);
          append(group, request, write.durability() == Durability.DISK);
        }
      } catch (Throwable e) {
        withdraw(tenant, entry, bytes);
        throw e;
      }
      boolean coalesced = entry != null && (entry.queued || entry.deferred || entry.parked());
      boolean added = entry == null || entry.parked();
      entry = apply(partition, entry, mutation, bytes, tenant);
      if (group != null) {
        entry.recordedIn(group);
        if (request != null) {
          store.requests.written(request, mutation.version(), group);
        }
      }
      partition.tokens.remove(write.key());
      outcome =
          new WriteOutcome.Written(
              mutation,
              partition.ready.size(),
              coalesced,
              added ? store.limits.usage(tenant) : 0,
              added && store.limits.delays(tenant));
      end = group == null ? 0 : group.end;
    } finally {
      partition.lock.unlock();
    }
    if (write.durability() == Durability.DISK && !store.journal.isForced(end)) {
      return store.journal.forced(end, outcome, write.callerWaits());
    }
    return CompletableFuture.completedFuture(outcome);
  }

  /** What keeps a write from being carried out on what the store holds; null if nothing does. */
  private @Nullable WriteOutcome check(Write write, Partition partition) {
    Expected expected = write.expected();
    if (expected == null) {
      return null;
    }
    if (partition.staged.containsKey(write.key())) {
      return WriteOutcome.KeyPending.INSTANCE;
    }
    Lookup now = reads.get(write.key());
    boolean same;
    if (expected.letter()) {
      HotEntry entry = store.entries.get(write.key());
      same = entry != null && entry.parked() && entry.current.version() == expected.version();
    } else {
      same =
          now.miss()
              ? expected.token() != 0 && expected.token() == now.fillToken()
              : expected.token() == 0 && expected.version() == now.version();
    }
    if (!same) {
      return new WriteOutcome.Mismatch(now);
    }
    if (now.miss() && !expected.letter()) {
      partition.loaded(expected.version());
    }
    return null;
  }

  /** Whose the entry is; null if there is no room for it. */
  private @Nullable Tenant admit(Write write, @Nullable HotEntry entry, int size) {
    Expected expected = write.expected();
    if (expected != null && expected.retried()) {
      return store.limits.add(write.key(), size);
    }
    // A letter has room of its own, which is of no use to what takes its place.
    if (entry == null || entry.parked()) {
      return store.limits.admit(write.key(), size);
    }
    return store.limits.admitBytes(entry.tenant, size - entry.bytes) ? entry.tenant : null;
  }

  private void withdraw(Tenant tenant, @Nullable HotEntry entry, int size) {
    if (entry == null || entry.parked()) {
      store.limits.remove(tenant, size);
    } else {
      store.limits.grow(tenant, entry.bytes - size);
    }
  }

  private Mutation mutation(Write write, Partition partition) {
    long version = partition.nextVersion(store.environment.wallMicros());
    long writeId = store.environment.random();
    Row row = write.row();
    return row == null
        ? new Mutation.Remove(write.key(), version, writeId)
        : new Mutation.Put(write.key(), row, version, writeId);
  }

  /** A newer value is under the same suspicion, unless the entry is a letter. */
  private static @Nullable Trouble kept(@Nullable HotEntry entry) {
    return entry == null || entry.parked() ? null : entry.trouble;
  }

  private static void record(
      Group group,
      @Nullable HotEntry entry,
      Mutation mutation,
      byte @Nullable [] encoded,
      Requests.@Nullable Request request) {
    if (request != null) {
      group.request(new Remembered(request.id, mutation.key(), mutation.version(), request.micros));
    }
    // Also where a batch carries the earlier value: the record of that may be gone when a crash
    // makes it owed again.
    long since = entry == null || entry.parked() ? mutation.version() : entry.oldest();
    group.put(mutation, encoded, since, kept(entry));
  }

  private void append(Group group, Requests.@Nullable Request request, boolean toForce) {
    if (request != null) {
      request.mayBeWritten = true;
    }
    try {
      store.journal.append(group, Journal.Use.WRITE, toForce);
    } catch (UnavailableException e) {
      // Nothing was written.
      if (request != null) {
        request.mayBeWritten = false;
      }
      throw e;
    }
  }

  private HotEntry apply(
      Partition partition, @Nullable HotEntry known, Mutation mutation, int size, Tenant tenant) {
    if (known == null) {
      HotEntry entry = new HotEntry(mutation.key(), mutation);
      entry.since = mutation.version();
      entry.bytes = size;
      entry.tenant = tenant;
      partition.add(entry);
      store.entries.put(mutation.key(), entry);
      return entry;
    }
    known.tenant = tenant;
    partition.rewritten(known, mutation, size);
    return known;
  }

  private WriteOutcome stage(Write write, int size) {
    Partition partition = store.partition(write.key());
    partition.lock.lock();
    try {
      store.checkWritable();
      HotEntry entry = store.entries.get(write.key());
      if ((entry != null && !entry.parked()) || partition.staged.containsKey(write.key())) {
        return WriteOutcome.KeyPending.INSTANCE;
      }
      WriteOutcome unexpected = check(write, partition);
      if (unexpected != null) {
        return unexpected;
      }
      Tenant tenant = admit(write, entry, size);
      if (tenant == null) {
        return WriteOutcome.Full.INSTANCE;
      }
      Mutation mutation;
      try {
        mutation = mutation(write, partition);
      } catch (Throwable e) {
        store.limits.remove(tenant, size);
        throw e;
      }
      partition.staged.put(write.key(), new Partition.Staged(mutation, size, tenant));
      partition.bytes += size;
      partition.tokens.remove(write.key());
      return new WriteOutcome.Written(
          mutation,
          partition.ready.size(),
          false,
          store.limits.usage(tenant),
          store.limits.delays(tenant));
    } finally {
      partition.lock.unlock();
    }
  }
}
