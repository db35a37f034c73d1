package io.headpond.spi;

import io.headpond.ConfigurationException;
import io.headpond.Key;
import io.headpond.RowType;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;

/**
 * The database that a dataset belongs to: loads on a miss, applies batches, and says who may.
 *
 * <p><b>Failure.</b> A stage fails with
 *
 * <ul>
 *   <li>{@link FencedException} if the lease is no longer the caller's: stop;
 *   <li>{@link DatabaseWentBackException} if the database has lost what it once confirmed: stop;
 *   <li>{@link io.headpond.OutcomeUnknownException} if it may have been carried out: acquire the lease anew. A batch was committed if {@link
 *       Lease#lastBatch} is its id, and surely was not if it is another;
 *   <li>{@link io.headpond.ConfigurationException} if table and mapping do not fit each other;
 *   <li>{@link io.headpond.UnavailableException} for everything else: nothing was done, try again later.
 * </ul>
 *
 * <p>Thread-safe. Nothing blocks the caller but {@link #close}.
 */
public interface SystemOfRecord extends AutoCloseable {

  /**
   * The columns as the database has them: those that were declared, with the lengths, precisions and
   * nullability found in the catalogue, so that what passes validation fits. Constant.
   */
  RowType rowType();

  /** For people: which table of which database, without credentials. */
  String description();

  /**
   * Ties the dataset's table to a store, durably, the first time; later checks that they still belong together. Two stores never
   * write one table: the stage fails with {@link io.headpond.ConfigurationException} that names the other if the table is tied to another store,
   * another partition count, another {@link Key#HASH_VERSION}, or the dataset to another table. A {@linkplain StoreId#shared shared} store needs a
   * version column, and its removals leave a tombstone for a day: such a store may forget what it was told last, and must not bring back what was removed.
   *
   * @param adopt take the table over from the store that it is tied to, on purpose. That store can no
   *     longer write; what is pending in it will not arrive. Also accepts a database that went back.
   *     No batch counts as the last one then: {@link Lease#lastBatch} is 0 until the first is committed
   * @return whether this store was the one tied to it already
   */
  CompletionStage<Boolean> bind(StoreId store, int partitions, boolean adopt);

  /**
   * Takes the lease of a partition, with an epoch one higher than any before. A transaction that still runs under the
   * lease is waited out, within limits the server enforces: when the stage completes nothing that was
   * begun under a lower epoch can commit any more.
   *
   * <p>A partition belongs to the store that the table is tied to; the same store takes its own lease over at
   * once, another never does. Who has held the lease and finds that somebody else has taken it since does not take it back: the stage fails with
   * {@link FencedException}, so that of two clones of a store only the newer one goes on.
   *
   * <p>Of a {@linkplain StoreId#shared shared} store the lease passes from one process to another: it is taken if nobody holds it, if the one that does has not
   * renewed it in time by the database's clock, or if it is this process's own, also after another had it. Else the stage fails with {@link LeaseHeldException}.
   */
  CompletionStage<Lease> acquire(StoreId store, int partition);

  /**
   * Who brings the entries of a {@linkplain StoreId#shared shared} store to the database, and how its partitions stand. While the table is tied to no store there is nobody, and nobody joins; if
   * it is tied to another store the stage fails with {@link FencedException}.
   *
   * @param join the name under which this process is one of them from now on, until it {@linkplain #leave leaves} or has not said so for the time that a lease lasts;
   *     null to look only
   */
  default CompletionStage<Crew> crew(StoreId store, @Nullable String join) {
    return CompletableFuture.failedFuture(new ConfigurationException(notShared()));
  }

  /** This process is no {@linkplain #crew worker} any more. Its leases stay until they are released. */
  default CompletionStage<Void> leave(StoreId store) {
    return CompletableFuture.failedFuture(new ConfigurationException(notShared()));
  }

  private String notShared() {
    return description() + ": takes no hot store that several processes share";
  }

  /** Gives the lease back; whoever acquires next need not wait. Without effect if it was lost. */
  CompletionStage<Void> release(Lease lease);

  /**
   * Applies a batch in one transaction that first locks the lease row and checks owner and epoch, and holds it until
   * the commit: who is fenced cannot commit. The transaction moves frontier, high version and last batch with the rows, also if there are
   * none; nothing else moves the last batch, but an adoption.
   *
   * <p>Idempotent by key and version: applying a batch again changes no row and gives the same
   * outcomes, {@link Applied.Stale} where a newer version has come since. With a version column a row is only changed
   * to a higher version.
   *
   * <p>One bad row harms itself alone: those that are {@link Applied.Rejected}, {@link Applied.Retry} or {@link Applied.Skipped} are left out, and the others are committed, in one transaction. Then the
   * frontier stays where it was, since not all of the batch is in the database. How many statements are spent to find them has a bound; what was not looked at
   * is {@link Applied.Skipped}, but never all of a batch.
   *
   * <p>Beside what is said above, the stage fails with {@link BatchFailedException} if the lease went through and the rows as a whole did not, and with {@link
   * io.headpond.ConfigurationException} if table or privileges are no longer what was checked: nothing goes through until somebody acts.
   */
  CompletionStage<Applied> apply(Batch batch, Lease lease);

  /**
   * The rows of these keys, in their order, committed ones, from the primary; one statement. Fails with {@link
   * io.headpond.UnreadableRowException} if one of them holds what the mapping cannot take.
   */
  CompletionStage<List<Loaded>> load(List<Key> keys);

  /**
   * Takes numbers from the sequence that was declared for the keys of the table, for good: nobody else gets them, and those
   * that are not used leave gaps.
   *
   * @param count at least 1
   * @return so many numbers, each of them new; fails with {@link io.headpond.ConfigurationException} if no sequence was declared
   */
  CompletionStage<List<Long>> nextKeys(int count);

  /**
   * Calls the listener each time after rows were written, through the same connections, to a table that this one's foreign keys refer to. Never, where that
   * is not known.
   */
  default void whenParentsArrive(Runnable listener) {}

  /**
   * What {@link SystemOfRecordFactory#resume} needs to begin with this table without the database.
   */
  byte[] mapping();

  /** Ends what is under way and lets go of the connections. */
  @Override
  void close();
}
