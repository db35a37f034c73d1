package io.headpond.testkit.simulation;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** How often each fault has struck, and how often each interesting state was reached. One that never is, is a hole in the simulation. Not thread-safe. */
public final class Coverage {
  /** States that a simulation should reach, beside its faults. */
  enum State {
    PUT,
    REMOVE,
    UPDATE,
    INCREMENT,
    CONDITION_FAILED,
    CONDITION_HELD,
    DATABASE_WRITE,
    DATABASE_WRITE_REFUSED,
    REQUEST_REPEATED,
    REQUEST_SENT_AGAIN_AFTER_A_CRASH,
    OVERLOADED,
    UNKNOWN_OUTCOME,
    FAILED_WRITE,
    READ,
    READ_ALL,
    READ_OF_AN_ABSENT_ENTRY,
    READ_FAILED,
    READ_OF_A_FOREIGN_ROW,
    INVALIDATED,
    FLUSHED,
    COALESCED,
    STALE,
    DEFERRED,
    PARKED,
    CONFLICT,
    LETTER_RETRIED,
    LETTER_EDITED,
    LETTER_DISCARDED,
    FILL_REFUSED,
    MANY_SEGMENTS,
    RECOVERED_ENTRIES,
    RECOVERED_LETTER,
    RECOVERED_DEFERRED,
    START_FAILED,
    STARTED_WITHOUT_THE_DATABASE,
    KILLED_WHILE_STARTING,
    KILLED_WHILE_STOPPING,
    STOPPED_WITH_PENDING,
    STORE_FAILED,
    ZOMBIE_FENCED,
    WENT_BACK_NOTICED,
    AT_THE_LIMIT,
    WRITER_WAITED
  }

  private final Map<Fault, Long> faults = new EnumMap<>(Fault.class);
  private final Map<State, Long> states = new EnumMap<>(State.class);

  void count(Fault fault) {
    faults.merge(fault, 1L, Long::sum);
  }

  void count(State state) {
    states.merge(state, 1L, Long::sum);
  }

  /** Adds what another run has reached. */
  void add(Coverage other) {
    other.faults.forEach((fault, count) -> faults.merge(fault, count, Long::sum));
    other.states.forEach((state, count) -> states.merge(state, count, Long::sum));
  }

  /** What has never happened. */
  List<String> missing() {
    List<String> missing = new ArrayList<>();
    for (Fault fault : Fault.values()) {
      if (!faults.containsKey(fault)) {
        missing.add(fault.name());
      }
    }
    for (State state : State.values()) {
      if (!states.containsKey(state)) {
        missing.add(state.name());
      }
    }
    return missing;
  }

  /** How often what happened, by name. */
  Map<String, Long> counts() {
    Map<String, Long> counts = new TreeMap<>();
    faults.forEach((fault, count) -> counts.put("fault " + fault, count));
    states.forEach((state, count) -> counts.put("state " + state, count));
    return counts;
  }
}
