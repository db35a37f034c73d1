package io.headpond.spi;

import io.headpond.DeadLetterFilter;
import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.PendingPage;
import io.headpond.Row;
import java.util.List;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * Where reads and writes land, and where what is pending is kept until the database has it.
 *
 * <p>An entry is <em>clean</em> (the database has it; it may be evicted and expires), <em>pending</em> (it is still owed; never
 * evicted, never expires), or <em>parked</em> (pending without a due time: a dead letter). Several writes of a
 * pending key are one entry with the newest value: that is coalescing.
 *
 * <p><b>Atomicity.</b> Each method is atomic for each key. What it says of a partition ({@code
 * ready}, {@code frontier}) is consistent with the mutations that it returns.
 *
 * <p><b>Order.</b> The versions of a key only grow. {@link #take} returns the oldest first.
 *
 * <p><b>Fencing.</b> {@link #take}, {@link #settle}, {@link #defer}, {@link #park} and {@link
 * #unstage} carry the epoch of the caller's lease. The store remembers the highest that a partition was opened with and
 * fails a lower one with {@link FencedException}, having done nothing.
 *
 * <p><b>Failure.</b> A stage that fails with {@link io.headpond.OutcomeUnknownException} may have been carried out;
 * any other failure means that nothing was done. A store that can no longer keep its promises fails every
 * write with {@link io.headpond.UnavailableException} and says why in {@link #failure()}.
 *
 * <p>Thread-safe. Stages may be completed on the caller's thread or on any other. No method blocks
 * but {@link #close}, except that a write may wait for the operating system to take its bytes.
 */
public interface HotStore extends AutoCloseable {

  /** Who this store is. */
  StoreId id();

  /** The strongest level that this store keeps without the database. */
  Durability strongest();

  /** Whether a write may ask for this level. */
  default boolean keeps(Durability durability) {
    return durability == Durability.DATABASE || durability.compareTo(strongest()) <= 0;
  }

  /**
   * Begins or resumes a partition under a lease. Its clock is raised to {@code max(own clock,
   * highVersion, time now)}, durably, before the stage completes; from then on every version it gives is higher than any in the database.
   * All fill tokens of the partition are gone.
   *
   * <p>A cache that begins without the database has no lease yet. Until a partition is opened for the first time since the store was, it takes writes below {@link Durability#DATABASE} and
   * answers whatever carries no epoch. Their versions are higher than any that this store ever gave to something that it or the database may have kept; whether it is an older copy
   * is only found out here, and goes by what it remembered when it was opened, not by what it was given since.
   *
   * @param epoch the lease's epoch; a higher one than before fences who holds a lower one
   * @param highVersion the highest version that was ever applied in the partition
   * @param resumed whether the database says that this store itself was the last to write there. Then a {@code
   *     highVersion} above the store's clock means that the store is an older copy: the stage fails
   *     with {@link io.headpond.ConfigurationException}; a {@linkplain SharedStore shared} store has lost its tail then, and tells
   */
  CompletionStage<Opened> open(int partition, long epoch, long highVersion, boolean resumed);

  /**
   * Stores a value or a removal, gives it the next version of its key, and makes the entry pending.
   * Until then, and if the stage fails with anything but an unknown outcome, nothing has changed. The limits on pending entries
   * and bytes are checked in the same step; a write to an entry that is pending already passes the
   * limit on entries, one that takes the place of a dead letter does not, unless it {@linkplain Expected#retried tries that again}. Deletes the key's fill token.
   *
   * <p>The stage completes when the write is as durable as was asked. The value may be visible to
   * readers a little earlier, but never before it has been handed to the journal (at {@link
   * Durability#JOURNAL} and above).
   *
   * <p>A write at {@link Durability#DATABASE} is <em>staged</em>: it has a version but is neither visible nor pending; {@link #take}
   * offers it apart from what is pending, {@link #settle} makes it visible, {@link #unstage} leaves nothing of it. Entries of the
   * same key that arrive meanwhile are not taken before it is gone. It is refused with {@link
   * WriteOutcome.KeyPending} if anything is pending or staged for the key; a parked entry is superseded when it is settled. A staged write counts in the limits, and is forgotten in a crash.
   *
   * <p>What the write {@linkplain Write#expected expects} is checked in the same step. It is compared with what {@link #get} would
   * give, or, if it is a {@linkplain Expected#letter letter}, with the dead letter of the key; while a write of the key is staged nobody can know, and the answer is
   * {@link WriteOutcome.KeyPending}. A write that expects a
   * loaded row raises the clock to the version that stood in it.
   *
   * <p>A write with a {@linkplain Write#request request id} is remembered for a day in the same step and as durably as the write, whatever becomes of its
   * entry; a second one with the same id does nothing, not even check what it expects. While the first is being carried out, the second fails with {@link
   * io.headpond.RequestConflictException}, or waits until it can be answered. If there are more requests to remember than the store has room for, a new one fails with {@link
   * io.headpond.OverloadedException}.
   *
   * <p>Fails with {@link io.headpond.UnsupportedDurabilityException} at a level that the store cannot keep, or cannot remember a request at.
   */
  CompletionStage<WriteOutcome> put(Write write);

  /** What the store knows of a key. A miss carries a fill token. */
  CompletionStage<Lookup> get(Key key);

  /** As {@link #get} for each of the keys, in their order; no snapshot across keys. */
  CompletionStage<List<Lookup>> getAll(List<Key> keys);

  /**
   * Stores as clean what was read from the database, if the token still stands: every put, settlement and new
   * incarnation of the store deletes it. The token is gone afterwards. The clock is raised to {@code version}.
   *
   * @param row what the database has; null if it has no such row, which is remembered for a short time
   * @param version the version that stands in the row; 0 if it has none, then the store gives one
   * @return the entry as it is stored now; null if the token did not stand: the value may be old, read again
   */
  CompletionStage<@Nullable Lookup> fill(Key key, @Nullable Row row, long version, long fillToken);

  /**
   * Drops what is clean of a key, and its fill token: what is being loaded now may be old. What is pending or parked stays.
   *
   * @return the entry's state as it is then; null if the store knows nothing of it now
   */
  CompletionStage<@Nullable EntryState> invalidate(Key key);

  /**
   * The request that was carried out under this id within the last day; null if none is remembered. The stage completes when
   * the request is as durable as the store can make it, so that who learns of it can rely on it.
   */
  CompletionStage<@Nullable Remembered> request(String id);

  /**
   * Offers entries of a partition, oldest first, to be applied as one batch. Removes nothing: until it is settled,
   * deferred or parked an entry stays pending, and the next take offers it again. Only one batch of a
   * partition is in flight at a time; the caller sees to that.
   *
   * <p>A batch has either ready entries, or deferred ones whose time has come, or staged writes. While there are several of these they take turns:
   * entries that the database refuses again and again do not keep the healthy from being taken, however many and old they are, nor the
   * other way round.
   *
   * <p><b>Write-ahead rule.</b> The stage completes only when the store has made every mutation it returns as
   * durable as it can. So what reaches the database can never be unknown to the store after a crash.
   *
   * @param most how many mutations to return at the most
   */
  CompletionStage<Taken> take(int partition, long epoch, TakeLimits most);

  /**
   * The database has these. An entry whose current mutation is {@linkplain Mutation#same the same}
   * becomes clean, and its time to live starts; one that was written again meanwhile stays pending with the newer
   * value. Deletes the fill tokens of the keys, and what is cached of an older version where there is no such entry any more. Settling twice changes nothing.
   *
   * @param frontier the frontier that the database holds since, remembered durably with the settlement
   */
  CompletionStage<@Nullable Void> settle(
      int partition, long epoch, List<Mutation> mutations, long frontier);

  /**
   * The entry is not offered again before {@code dueMicros}, and then apart from the ready ones. Attempts and due time are durable. An entry that
   * has been written since the batch took the mutation is deferred all the same: the newer value is under the same suspicion. Without effect
   * if neither the entry nor the last batch that took it has this mutation. The time of its first failure is kept until it is settled or, as a letter, superseded.
   *
   * @param dueMicros by the {@linkplain Environment#wallMicros wall clock}. If that is set back to before the failure the entry is due
   * @param attempts how often the database has refused the entry; later takes tell
   * @return whether it is deferred now
   */
  CompletionStage<Boolean> defer(
      int partition, long epoch, Mutation mutation, long dueMicros, int attempts, Failure failure);

  /**
   * The entry becomes a dead letter: kept, visible, never offered. Without effect if it has been
   * written again since; a later write of its key supersedes it.
   *
   * @return whether it is parked now
   */
  CompletionStage<Boolean> park(
      int partition, long epoch, Mutation mutation, int attempts, Failure failure);

  /**
   * Forgets a staged write, and with it what is cached of its key, since the database may have it after all. What is pending
   * or parked for the key is as it was before.
   *
   * @return whether it was there
   */
  CompletionStage<Boolean> unstage(int partition, long epoch, Mutation mutation);

  /** What is pending in a partition now. Cheap. */
  PartitionStats stats(int partition);

  /** The time of a partition's clock and what is pending in it, at one moment. */
  CompletionStage<Horizon> horizon(int partition);

  /** How many entries are pending in all partitions now, with staged writes and without what is parked. Asks for no lock. */
  int pendingEntries();

  /** The frontier last settled in a partition; 0 if there is none yet. */
  long frontier(int partition);

  /**
   * The time of a partition's clock in microseconds: the scale of every {@code since} and frontier of that partition.
   * Not below the {@code since} of any write that has been acknowledged; every later write of the partition has a higher version, also if the
   * wall clock goes back. Stands still while it is ahead of the wall clock.
   */
  long nowMicros(int partition);

  /** What the database does not have of an entry; staged writes do not count. */
  CompletionStage<Owed> owed(Key key);

  /**
   * Entries that are pending, deferred or parked, ordered by the text of their key.
   *
   * @param prefix what the key's text begins with; empty for all
   * @param after the key text behind which to go on; null to start
   * @param limit the most entries of a page, at least 1
   */
  CompletionStage<PendingPage> pending(String prefix, @Nullable String after, int limit);

  /**
   * Dead letters, ordered by the text of their key.
   *
   * @param after the key text behind which to go on; null to start
   * @param limit the most letters, at least 1
   */
  CompletionStage<List<Letter>> letters(DeadLetterFilter filter, @Nullable String after, int limit);

  /** The dead letter of a key; null if there is none. */
  CompletionStage<@Nullable Letter> letter(Key key);

  /**
   * Makes a dead letter pending again, under the version it has, as one that was deferred and is due now, with no attempts counted. It takes room in
   * the limits again, and is never refused for lack of it. Durable when the stage completes.
   *
   * <p>While a write of its key is staged nobody can know whether the letter stays, and nothing is done ({@link Letter.Fate#UNDECIDED}). If such a write was
   * offered to the database and was not settled, the database may have it: then the letter gets a new version, so that it does not go over a newer one as the
   * older. So does a {@linkplain Failure#conflict conflict}, over the newer version that the database holds; it is served from then on, and what is cached of its key and its fill token are gone.
   *
   * @param version of the letter
   */
  CompletionStage<Letter.Fate> retry(Key key, long version);

  /**
   * Forgets a dead letter for good, and with it what is cached of its key and its fill token: reads give what the database has. A staged write of its key goes
   * on. Durable when the stage completes.
   *
   * @param version of the letter
   */
  CompletionStage<Letter.Fate> discard(Key key, long version);

  /**
   * Forgets what is pending or parked for a key, for good, and with it what is cached of the key and its fill token: reads give what the database has. Of a pending entry an earlier value does
   * not come back either, and who waits for it is told as if it were parked. A staged write of its key goes on. Durable when the stage completes.
   *
   * <p>A batch may carry the entry: the last take has offered it, and nothing has been said of it since. Then nothing is done ({@link Letter.Fate#UNDECIDED}); a store may hold more entries to be
   * carried than are. With {@code carried} it is forgotten all the same; if the database has it after all, its {@linkplain #settle settlement} ends what was cached of an older row meanwhile.
   *
   * @param version of the entry; another one gives {@link Letter.Fate#NONE} or {@link Letter.Fate#SUPERSEDED}
   * @param carried whether also an entry that a batch may carry
   */
  CompletionStage<Letter.Fate> purge(Key key, long version, boolean carried);

  /**
   * Whether deferred entries take half of the limit on entries or of that on bytes, or more: then a further one of this partition that the database has refused should be parked
   * instead, lest the refused keep out what might free them. For one moment; asks for no lock.
   */
  boolean deferredFull(int partition);

  /**
   * Whether dead letters have reached the limit that they have of their own, as many entries and bytes as may be pending: then a further one of this partition should stay deferred. One that
   * is parked all the same is kept; of its message only what there is room for. For one moment; asks for no lock.
   */
  boolean lettersFull(int partition);

  /**
   * Keeps some bytes beside the entries, durably, in the place of those that were kept before; {@link HotStoreFactory#remembered} gives them back without
   * the store being open. Blocks.
   */
  void remember(byte[] bytes);

  /** Why the store refuses writes for good; null while it does not. */
  @Nullable Throwable failure();

  /** What keeps the store from being as well as it could be, for people, one line each; empty if nothing does. */
  default List<String> reasons() {
    return List.of();
  }

  /** Makes everything pending as durable as the store can, and lets go of its resources. */
  @Override
  void close();
}
