package io.headpond.journal;

import java.util.List;
import java.util.UUID;

/**
 * What {@link JournalTool#salvage} could save.
 *
 * @param id the id of the new journal
 * @param pending entries that are certainly still owed, without parked ones
 * @param parked entries that are dead letters in the new journal, {@code doubtful} ones included
 * @param requests requests of the last day that the new journal remembers; of those whose records were damaged nothing is known, sent again they are
 *     carried out again
 * @param doubtful keys, as text where they are printable and in hexadecimal where not, of entries that were parked because a later write of
 *     theirs, or its settlement, may have stood in the damaged bytes
 * @param writesMayBeMissing whether acknowledged writes may be lost: there was damage
 * @param damage what could not be read
 */
public record SalvageReport(
    UUID id,
    int pending,
    int parked,
    int requests,
    List<String> doubtful,
    boolean writesMayBeMissing,
    List<Damage> damage) {
  public SalvageReport {
    doubtful = List.copyOf(doubtful);
    damage = List.copyOf(damage);
  }
}
