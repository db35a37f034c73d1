package io.headpond;

import java.time.Duration;
import java.util.List;

/**
 * Who brings the entries of a dataset to the database.
 *
 * @param workers those that live, by name and then by id
 * @param unowned partitions that nobody brings to the database at the moment
 * @param lag age of the oldest pending entry of those partitions; zero if nothing is pending there
 */
public record Workers(List<Worker> workers, List<Integer> unowned, Duration lag) {
  public Workers {
    workers = List.copyOf(workers);
    unowned = List.copyOf(unowned);
  }
}
