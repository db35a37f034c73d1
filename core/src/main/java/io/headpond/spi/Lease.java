package io.headpond.spi;

/**
 * The right to write the rows of a partition, as it stands in the database. Immutable.
 *
 * @param partition from 0
 * @param epoch rises at each acquisition; who holds a lower one can no longer commit
 * @param highVersion the highest version ever applied in the partition; when the partition is new, the highest in the table
 * @param frontier as of the acquisition, in microseconds; 0 if there has been none
 * @param lastBatch id of the batch that was committed last; 0 if there has been none
 */
public record Lease(int partition, long epoch, long highVersion, long frontier, long lastBatch) {}
