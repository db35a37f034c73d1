package io.headpond.testkit.simulation;

import io.headpond.DeadLetter;
import io.headpond.DeadLetterFilter;
import io.headpond.DeadLetterGoneException;
import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.OverloadedException;
import io.headpond.Row;
import io.headpond.UnavailableException;
import io.headpond.testkit.HistoryChecker;
import io.headpond.testkit.simulation.Coverage.State;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The person who looks after dead letters: tries them again, puts them right, gives them up. */
final class Operator {
  private final World world;
  private final Clients clients;
  private final Map<Key, Integer> retries = new HashMap<>();

  Operator(World world, Clients clients) {
    this.world = world;
    this.clients = clients;
  }

  /** How often letters of a key were tried again by hand. */
  int retries(Key key) {
    return retries.getOrDefault(key, 0);
  }

  /** Does something with one of the letters that there are. */
  void act(Instance instance) {
    instance
        .cache()
        .deadLetters()
        .list(DeadLetterFilter.all(), null, 100)
        .whenComplete(
            (page, failure) -> {
              if (!instance.alive()) {
                return;
              }
              if (failure != null) {
                failed("list of letters", failure);
              } else if (!page.letters().isEmpty()) {
                choose(instance, page.letters());
              }
            });
  }

  /** Makes room among the letters: they are tried again or, where there is no room for that either, given up. */
  void clear(Instance instance) {
    instance
        .cache()
        .deadLetters()
        .list(DeadLetterFilter.all(), null, 100)
        .whenComplete(
            (page, failure) -> {
              if (failure == null) {
                page.letters().forEach(letter -> clear(instance, letter));
              }
            });
  }

  private void clear(Instance instance, DeadLetter<Key, Row> letter) {
    if (instance.store().pendingEntries() < instance.settings.maxPendingEntries()) {
      retry(instance, letter);
    } else {
      discard(instance, letter);
    }
  }

  private void choose(Instance instance, List<DeadLetter<Key, Row>> letters) {
    DeadLetter<Key, Row> letter = letters.get(world.random.nextInt(letters.size()));
    switch (world.random.nextInt(3)) {
      case 0 -> retry(instance, letter);
      case 1 -> edit(instance, letter);
      default -> discard(instance, letter);
    }
  }

  private void retry(Instance instance, DeadLetter<Key, Row> letter) {
    Key key = letter.key();
    world.log("retry letter", key, letter.version());
    retries.merge(key, 1, Integer::sum);
    // Where the database may have a newer version, it is written again with a new one.
    world.checker.begin(key, letter.value(), Durability.MEMORY).unknown();
    instance
        .cache()
        .deadLetters()
        .retry(key, letter.version())
        .whenComplete((done, failure) -> ended(instance, State.LETTER_RETRIED, failure));
  }

  private void edit(Instance instance, DeadLetter<Key, Row> letter) {
    Key key = letter.key();
    Row value = Values.of(clients.word("e"));
    HistoryChecker<Key, Row>.Attempt attempt = world.checker.begin(key, value);
    world.log("edit letter", key, letter.version(), value);
    instance
        .cache()
        .deadLetters()
        .edit(key, letter.version(), value)
        .whenComplete(
            (receipt, failure) -> {
              if (!instance.alive()) {
                return;
              }
              if (failure == null) {
                attempt.acknowledged(receipt.version());
              } else if (Clients.unwrapped(failure) instanceof OutcomeUnknownException) {
                attempt.unknown();
              } else {
                attempt.failed();
              }
              ended(instance, State.LETTER_EDITED, failure);
            });
  }

  private void discard(Instance instance, DeadLetter<Key, Row> letter) {
    world.log("discard letter", letter.key(), letter.version());
    instance
        .cache()
        .deadLetters()
        .discard(
            letter.key(),
            letter.version(),
            kept -> world.checker.discarded(kept.key(), kept.version()))
        .whenComplete((done, failure) -> ended(instance, State.LETTER_DISCARDED, failure));
  }

  private void ended(Instance instance, State state, @Nullable Throwable failure) {
    if (instance.alive()) {
      if (failure == null) {
        world.count(state);
      } else {
        failed(state.name(), failure);
      }
    }
  }

  private void failed(String what, Throwable failure) {
    Throwable cause = Clients.unwrapped(failure);
    world.log("failed:", what, cause);
    if (!(cause instanceof UnavailableException)
        && !(cause instanceof OutcomeUnknownException)
        && !(cause instanceof OverloadedException)
        && !(cause instanceof DeadLetterGoneException)) {
      world.violation(what + " failed with " + World.stackTrace(cause));
    }
  }
}
