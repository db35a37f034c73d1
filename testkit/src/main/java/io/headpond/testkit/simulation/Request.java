package io.headpond.testkit.simulation;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.RequestId;
import io.headpond.Row;
import io.headpond.testkit.HistoryChecker;
import io.headpond.testkit.simulation.Coverage.State;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A write with a request id, which may be sent several times, and is carried out once. Only a crash that its durability does not survive may take it away;
 * then it may be carried out anew.
 *
 * <p>For the checker, what is sent while another sending is under way is the same attempt; what is sent later is one of its own, of which nothing comes if
 * the answer is that an earlier one was carried out.
 */
final class Request {
  private final World world;
  private final Clients.Write write;
  private final Durability durability;
  private final RequestId id;
  private final List<Round> rounds = new ArrayList<>();
  private @Nullable Instance sentTo;

  /** Sendings that are under way at the same time. */
  private static final class Round {
    final HistoryChecker<Key, Row>.Attempt attempt;
    int sendings;
    int open;
    boolean unknown;

    Round(HistoryChecker<Key, Row>.Attempt attempt) {
      this.attempt = attempt;
    }

    /** One that was turned away tells nothing of another that is under way. */
    void end() {
      if (open == 0 && !attempt.ended()) {
        if (unknown) {
          attempt.unknown();
        } else {
          attempt.failed();
        }
      }
    }
  }

  Request(World world, Clients.Write write, Durability durability, String name) {
    this.world = world;
    this.write = write;
    this.durability = durability;
    this.id = new RequestId(name, "of " + name);
  }

  Clients.Write write() {
    return write;
  }

  Durability durability() {
    return durability;
  }

  RequestId id() {
    return id;
  }

  /** It is about to be sent for the first time. */
  Answer begin(Instance instance) {
    return Objects.requireNonNull(send(instance));
  }

  /** It is about to be sent; null if it should not be now, since the answer could be either of two attempts'. */
  @Nullable Answer send(Instance instance) {
    Round last = rounds.isEmpty() ? null : rounds.get(rounds.size() - 1);
    if (last == null || last.attempt.ended()) {
      if (last != null && last.open > 0) {
        return null;
      }
      last = new Round(Once.begin(world, write, durability));
      rounds.add(last);
    } else if (rounds.size() > 1) {
      return null;
    }
    if (sentTo != null && sentTo != instance) {
      world.count(State.REQUEST_SENT_AGAIN_AFTER_A_CRASH);
    }
    sentTo = instance;
    last.sendings++;
    last.open++;
    return new Sending(last);
  }

  private final class Sending implements Answer {
    private final Round round;

    private Sending(Round round) {
      this.round = round;
    }

    @Override
    public void acknowledged(Clients.Done done) {
      round.open--;
      long version = done.receipt().version();
      if (done.receipt().repeated()) {
        world.count(State.REQUEST_REPEATED);
        repeated(version);
        return;
      }
      for (Round earlier : rounds) {
        if (earlier != round && world.checker.surelyThere(earlier.attempt)) {
          world.violation("a request was carried out again: " + earlier.attempt);
        }
      }
      round.attempt.acknowledged(version, done.made());
    }

    private void repeated(long version) {
      if (round.sendings > 1) {
        round.attempt.acknowledged(version);
        return;
      }
      Round first = null;
      for (Round earlier : rounds) {
        if (earlier != round && earlier.attempt.has(version)) {
          round.attempt.failed();
          return;
        }
        if (first == null && earlier != round && earlier.attempt.mayHave(version)) {
          first = earlier;
        }
      }
      round.attempt.failed();
      if (first == null) {
        world.violation(round.attempt + " was said to be repeated, and it was not");
      } else {
        first.attempt.acknowledged(version);
      }
    }

    @Override
    public void unknown() {
      round.open--;
      round.unknown = true;
      round.end();
    }

    @Override
    public void failed() {
      round.open--;
      round.end();
    }

    @Override
    public String toString() {
      return id + " " + round.attempt;
    }
  }
}
