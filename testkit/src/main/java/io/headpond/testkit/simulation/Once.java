package io.headpond.testkit.simulation;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.testkit.HistoryChecker;

/** A write that is sent once. */
final class Once implements Answer {
  private final World world;
  private final HistoryChecker<Key, Row>.Attempt attempt;

  Once(World world, Clients.Write write, Durability durability) {
    this.world = world;
    this.attempt = begin(world, write, durability);
  }

  static HistoryChecker<Key, Row>.Attempt begin(
      World world, Clients.Write write, Durability durability) {
    HistoryChecker<Key, Row>.Attempt attempt =
        write.madeBy() == null
            ? world.checker.begin(write.key(), write.row(), durability)
            : world.checker.beginUpdate(write.key(), write.madeBy(), durability);
    if (write.expected() != 0) {
      attempt.expects(write.expected());
    }
    return attempt;
  }

  @Override
  public void acknowledged(Clients.Done done) {
    if (done.receipt().repeated()) {
      world.violation(attempt + " was said to be repeated, and it was not");
    }
    attempt.acknowledged(done.receipt().version(), done.made());
  }

  @Override
  public void unknown() {
    attempt.unknown();
  }

  @Override
  public void failed() {
    attempt.failed();
  }

  @Override
  public String toString() {
    return attempt.toString();
  }
}
