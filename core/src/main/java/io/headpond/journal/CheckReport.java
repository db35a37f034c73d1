package io.headpond.journal;

import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * What {@link JournalTool#check} found.
 *
 * @param id whose journal it is; null if there is no readable segment
 * @param segments how many segments could be read
 * @param records how many writes, settlements and the like they hold
 * @param pending entries that the database does not have, without parked ones
 * @param parked dead letters
 * @param requests requests of the last day that are remembered
 * @param closed whether the store was closed properly
 * @param damage what cannot be read; with any of it the store does not start
 */
public record CheckReport(
    @Nullable UUID id,
    int segments,
    long records,
    int pending,
    int parked,
    int requests,
    boolean closed,
    List<Damage> damage) {
  public CheckReport {
    damage = List.copyOf(damage);
  }

  /** Whether a store would start with this journal. */
  public boolean sound() {
    return damage.isEmpty();
  }
}
