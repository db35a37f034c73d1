package io.headpond.journal;

import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.spi.Mutation;
import org.jspecify.annotations.Nullable;

/**
 * An entry that the database does not have. All fields are guarded by the lock of its partition; {@code current} and {@code trouble} are
 * read without it.
 */
final class HotEntry {
  /** What an entry costs beside key and row, as counted against the limit on bytes. */
  static final int OVERHEAD = 64;

  final Key key;
  volatile Mutation current;
  volatile @Nullable Trouble trouble;

  /** Since when it is pending: the version of the first write that no batch under way carries. */
  long since;

  /** As counted against the limit, with the text of its trouble. */
  int bytes;

  /** In whose part of the limits it counts; of a letter, in whose it did. */
  Tenant tenant = Tenant.EVERYBODY;

  /** The lowest version that was owed when a write took the place of a letter; 0 once the database has something newer than that letter. */
  long replaced;

  /** The version that the journal has of it, no older than the last settled one; 0 if none. */
  long recorded;

  /** Where that record stands. */
  @Nullable Segment segment;

  /** Up to where the journal must be forced to keep that record. */
  long recordEnd;

  /** What a batch under way carries of it; null if none does. */
  @Nullable Mutation inFlight;

  /** Its {@code since} when that was taken. */
  long takenSince;

  /** Whether it stands among those that the database has refused; not while a batch carries it. */
  boolean deferred;

  /** Neighbours in the queue of those that are ready. */
  @Nullable HotEntry previous;

  @Nullable HotEntry next;
  boolean queued;

  HotEntry(Key key, Mutation current) {
    this.key = key;
    this.current = current;
  }

  boolean journaled() {
    return recorded == current.version();
  }

  boolean parked() {
    Trouble had = trouble;
    return had != null && had.parked();
  }

  int troubleBytes() {
    Trouble had = trouble;
    return had == null ? 0 : had.bytes();
  }

  /** Before then it is not offered; 0 if it is not deferred. */
  long dueMicros() {
    Trouble had = trouble;
    return had == null ? 0 : had.dueMicros();
  }

  /** Whether its time has come. If the clock stands before its failure it was set back, and tells nothing. */
  boolean due(long wallMicros) {
    Trouble had = trouble;
    return had == null || wallMicros >= had.dueMicros() || wallMicros < had.failure().micros();
  }

  EntryState state() {
    return parked() ? EntryState.PARKED : EntryState.PENDING;
  }

  /** Since when anything of it is not known to be in the database. */
  long oldest() {
    return inFlight == null ? since : Math.min(since, takenSince);
  }

  /** The lowest version of which it is not known that the database has it or a newer one. */
  long owed() {
    return replaced == 0 ? oldest() : Math.min(replaced, oldest());
  }

  /** The record of the journal is not needed any more. */
  void releaseRecord() {
    if (segment != null) {
      segment.live.decrementAndGet();
      segment = null;
    }
    recorded = 0;
  }

  /** The journal has the current version, at the end of this group. */
  void recordedIn(Group group) {
    if (segment != null) {
      segment.live.decrementAndGet();
    }
    segment = group.segment;
    recorded = current.version();
    recordEnd = group.end;
  }

  static @Nullable Row row(Mutation mutation) {
    return mutation instanceof Mutation.Put put ? put.row() : null;
  }
}
