package io.headpond.engine;

import io.headpond.HeadpondException;
import io.headpond.OutcomeUnknownException;
import io.headpond.RejectedException;
import io.headpond.UnavailableException;
import io.headpond.spi.HotStore;
import io.headpond.spi.Mutation;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The writes at {@link io.headpond.Durability#DATABASE} of one partition, as its {@link Delivery} sees them: each gets one
 * answer. One whose deadline passes while it is under way is told that its outcome is unknown, and is tried no further; one that is not under way
 * is taken back. Used in steps only.
 */
final class StagedWrites {
  static final String CONFLICT = "the database has a newer version that is not from this store";

  private final HotStore store;
  private final Engine engine;
  private final Flusher flusher;
  private final Steps steps;
  private final int partition;

  /** Whether a batch carries the mutation of which it is not known what became of it. */
  private final Predicate<Mutation> underWay;

  /** Write ids of those whose caller has been told that the outcome is unknown. */
  private final Set<Long> answered = new HashSet<>();

  /** To be taken back as soon as it is known what the take under way has returned. */
  private final List<Mutation> undecided = new ArrayList<>();

  StagedWrites(
      Core core,
      Engine engine,
      Flusher flusher,
      Steps steps,
      int partition,
      Predicate<Mutation> underWay) {
    this.store = core.store();
    this.engine = engine;
    this.flusher = flusher;
    this.steps = steps;
    this.partition = partition;
    this.underWay = underWay;
  }

  /** The deadline of one that is under way has passed. */
  void tooLateToTakeBack(Mutation mutation) {
    answered.add(mutation.writeId());
    engine.answered(
        mutation.writeId(),
        new OutcomeUnknownException("no answer from the database yet; the write is under way"));
  }

  /** What becomes of those that were answered is another process's to find out. */
  void forget() {
    answered.clear();
  }

  /** The deadline of one has passed, of which it is not known whether it is under way. */
  void decideLater(Mutation mutation) {
    undecided.add(mutation);
  }

  /** Those that were to be decided later. */
  List<Mutation> decideNow() {
    if (undecided.isEmpty()) {
      return List.of();
    }
    List<Mutation> now = List.copyOf(undecided);
    undecided.clear();
    return now;
  }

  /** Takes one back that is not under way, and answers it. */
  void takeBack(Mutation mutation, long epoch) {
    Trouble why = flusher.trouble();
    unstage(mutation, epoch)
        .whenComplete(
            (removed, failure) -> {
              engine.released(List.of(mutation.key()));
              HeadpondException answer;
              if (failure != null) {
                answer = new OutcomeUnknownException(Failures.message(failure));
              } else if (removed) {
                answer =
                    new UnavailableException(
                        "not written in time and taken back"
                            + (why == null ? "" : ": " + why.message()));
              } else {
                answer = new OutcomeUnknownException("the write could no longer be taken back");
              }
              steps.on(
                  () ->
                      answer(
                          mutation,
                          removed != null && removed && underWay.test(mutation)
                              ? new OutcomeUnknownException(
                                  "a batch took the write before it was taken back")
                              : answer));
            });
  }

  /** Whatever fails: the deadline is over, and nobody comes back to this write. */
  private CompletableFuture<Boolean> unstage(Mutation mutation, long epoch) {
    try {
      return store.unstage(partition, epoch, mutation).toCompletableFuture();
    } catch (RuntimeException | Error e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /** A flight was surely not applied: those whose callers have gone are not tried again. */
  void notApplied(Flight flight, long epoch) {
    for (Mutation mutation : flight.mutations()) {
      if (answered.contains(mutation.writeId())) {
        takeBack(mutation, epoch);
      }
    }
  }

  /** As the other, but goes on when they are taken back. */
  void notApplied(Flight flight, long epoch, Runnable next, Consumer<Throwable> failed) {
    Map<Mutation, HeadpondException> gone = new LinkedHashMap<>();
    for (Mutation mutation : flight.mutations()) {
      if (answered.contains(mutation.writeId())) {
        gone.put(mutation, new UnavailableException("not written in time and taken back"));
      }
    }
    drop(gone, epoch, next, failed);
  }

  /** The database has these. */
  void settled(List<Mutation> mutations) {
    mutations.forEach(mutation -> answer(mutation, null));
  }

  /** What a flight was committed without: nothing is left of it in the store either; those that it may take later are tried again while their callers wait. */
  void leftOut(Outcomes outcomes, long epoch, Runnable next, Consumer<Throwable> failed) {
    Map<Mutation, HeadpondException> gone = new LinkedHashMap<>();
    outcomes.rejected().forEach((m, error) -> gone.put(m, new RejectedException(error.toString())));
    outcomes.retried().forEach((m, error) -> gone.put(m, new NotNowException(error.toString())));
    outcomes
        .doubtful()
        .forEach(
            m ->
                gone.replace(
                    m,
                    new OutcomeUnknownException(
                        "an earlier try may have been committed, later ones were turned away")));
    drop(gone, epoch, next, failed);
  }

  /**
   * The database has newer versions that are not ours.
   *
   * @param committed whether the batch was committed before: then these may have been there until somebody wrote over them
   */
  void stale(
      List<Mutation> stale,
      boolean committed,
      long epoch,
      Runnable next,
      Consumer<Throwable> failed) {
    Map<Mutation, HeadpondException> gone = new LinkedHashMap<>();
    stale.forEach(
        mutation ->
            gone.put(
                mutation,
                committed
                    ? new OutcomeUnknownException(CONFLICT + "; it may have written over this one")
                    : new RejectedException(CONFLICT)));
    drop(gone, epoch, next, failed);
  }

  private void drop(
      Map<Mutation, HeadpondException> gone,
      long epoch,
      Runnable next,
      Consumer<Throwable> failed) {
    CompletableFuture<?>[] all =
        gone.keySet().stream()
            .map(mutation -> unstage(mutation, epoch))
            .toArray(CompletableFuture<?>[]::new);
    steps.then(
        CompletableFuture.allOf(all),
        done -> {
          gone.forEach(this::answer);
          engine.released(gone.keySet().stream().map(Mutation::key).toList());
          next.run();
        },
        failed);
  }

  /** Flushing stops while these are under way. */
  void abandoned(Flight flight, String reason) {
    for (Mutation mutation : flight.mutations()) {
      answer(
          mutation,
          new OutcomeUnknownException("flushing stopped while the write was under way: " + reason));
    }
  }

  private void answer(Mutation mutation, @Nullable HeadpondException failure) {
    if (!answered.remove(mutation.writeId())) {
      engine.answer(mutation, failure);
    }
  }
}
