package io.headpond.spi;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Who brings the entries of a shared store to the database, as it stands there at one moment, by the database's clock.
 *
 * @param self the id that this process has as a worker and as an owner of leases, whether it is one or not
 * @param workers those that have said in time that they live, by id
 * @param partitions all partitions, in their order; empty if the table is not tied to the store yet
 * @param leaseTtl how long a worker and a lease last without being renewed
 */
public record Crew(UUID self, List<Worker> workers, List<Ownership> partitions, Duration leaseTtl) {
  public Crew {
    workers = List.copyOf(workers);
    partitions = List.copyOf(partitions);
  }

  /**
   * A process that brings entries to the database.
   *
   * @param name for people
   * @param since when it joined
   */
  public record Worker(UUID id, String name, Instant since) {}

  /**
   * How a partition stands.
   *
   * @param owner who holds its lease, also if that has expired; null for nobody
   * @param expired whether the lease may be taken over
   * @param since when the owner took it; null if there is none
   * @param epoch of the lease that was taken last; 0 if none was
   * @param highVersion the highest version ever applied
   */
  public record Ownership(
      int partition,
      @Nullable UUID owner,
      boolean expired,
      @Nullable Instant since,
      long epoch,
      long highVersion) {}
}
