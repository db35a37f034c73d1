package io.headpond.testkit.simulation;

/** What a process was waiting for will not come: it has died. */
final class ProcessDied extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ProcessDied() {
    super("the process has died");
  }
}
