package io.headpond.server.lab;

import java.util.ArrayList;
import java.util.List;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The switch of the lab, for all datasets of a server. Thread-safe. */
public final class Lab {
  private static final Logger LOG = LoggerFactory.getLogger(Lab.class);

  private volatile LabSettings settings = LabSettings.OFF;

  /** With everything off. */
  public Lab() {}

  public Lab(LabSettings settings) {
    change(settings);
  }

  public LabSettings settings() {
    return settings;
  }

  /** Takes effect with the next request to the database. */
  public void change(LabSettings changed) {
    LabSettings before = settings;
    settings = changed;
    if (!changed.equals(before)) {
      List<String> reasons = reasons();
      reasons.forEach(reason -> LOG.warn("{}", reason));
      if (reasons.isEmpty()) {
        LOG.warn("the lab simulates nothing any more");
      }
    }
  }

  /** What everybody has to be told who looks at the health; empty if nothing is simulated. */
  public List<String> reasons() {
    LabSettings now = settings;
    List<String> reasons = new ArrayList<>(2);
    if (now.simulateFailures()) {
      reasons.add(
          "the lab simulates failures: each attempt of each row is refused with a probability of "
              + now.failureRate()
              + "; `headpond lab --off` ends it");
    }
    if (now.outage()) {
      reasons.add(
          "the lab simulates an outage: every request to the database fails; `headpond lab --off` ends it");
    }
    return reasons;
  }
}
