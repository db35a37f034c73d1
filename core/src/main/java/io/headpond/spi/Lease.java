package io.headpond.spi;

/**
 * The right to write the rows of a partition, as it stands in the database. Immutable.
 *
 * @param partition from 0
 * @param epoch rises at each acquisition; who holds a lower one can no longer commit
 * @param highVersion the highest version ever applied in the partition; when the partition is new, the highest in the table
 * @param frontier as of the acquisition, in microseconds; 0 if there has been none
 * @param lastBatch id of the batch, with or without rows, that was committed last before the acquisition; 0 if there has been none. Read under the lock that
 *     waits out what ran under a lower epoch: of a batch that was last applied under one, it tells for good whether it was committed
 */
public record Lease(int partition, long epoch, long highVersion, long frontier, long lastBatch) {}
