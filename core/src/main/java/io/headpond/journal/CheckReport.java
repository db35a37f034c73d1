package io.headpond.journal;

import io.headpond.ErrorClass;
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
 * @param refused what the database had against the pending and parked, the most frequent first
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
    List<Refused> refused,
    int requests,
    boolean closed,
    List<Damage> damage) {
  public CheckReport {
    refused = List.copyOf(refused);
    damage = List.copyOf(damage);
  }

  /**
   * Entries that the database refused for the same reason the last time.
   *
   * @param parked whether they are dead letters; else they are tried again
   * @param code the SQLSTATE; null if there was none
   */
  public record Refused(boolean parked, ErrorClass errorClass, @Nullable String code, int entries) {
    @Override
    public String toString() {
      return entries
          + (parked ? " parked: " : " tried again: ")
          + errorClass.text()
          + (code == null ? "" : " (SQLSTATE " + code + ")");
    }
  }

  /** Whether a store would start with this journal. */
  public boolean sound() {
    return damage.isEmpty();
  }
}
