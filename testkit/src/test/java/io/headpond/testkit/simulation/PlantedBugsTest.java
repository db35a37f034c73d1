package io.headpond.testkit.simulation;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.journal.Disk;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Batch;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStore;
import io.headpond.spi.Lease;
import io.headpond.spi.Letter;
import io.headpond.spi.Loaded;
import io.headpond.spi.Lookup;
import io.headpond.spi.Mutation;
import io.headpond.spi.SystemOfRecord;
import io.headpond.spi.TakeLimits;
import io.headpond.spi.Taken;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.spi.WriteOutcome.Written;
import io.headpond.testkit.FakeDatabase;
import io.headpond.testkit.FakeDatabase.Weakness;
import io.headpond.testkit.ForwardingStore;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;

/** The simulation finds bugs: each of these, planted between the parts of the product, breaks a promise within 2,000 seeds. */
class PlantedBugsTest {
  private static final int SEEDS = 2_000;

  private String name = "";

  @BeforeEach
  void name(TestInfo test) {
    name = test.getDisplayName();
  }

  @Test
  void settleByKeyAlone() {
    assertFound(
        () ->
            inStore(
                real ->
                    new ForwardingStore(real) {
                      private final Map<Key, Mutation> current = new HashMap<>();

                      @Override
                      public CompletionStage<WriteOutcome> put(Write write) {
                        return real()
                            .put(write)
                            .whenComplete(
                                (outcome, failure) -> {
                                  if (outcome instanceof Written written
                                      && write.durability() != Durability.DATABASE) {
                                    current.put(write.key(), written.mutation());
                                  }
                                });
                      }

                      @Override
                      public CompletionStage<@Nullable Void> settle(
                          int partition, long epoch, List<Mutation> mutations, long frontier) {
                        return real()
                            .settle(
                                partition,
                                epoch,
                                mutations.stream()
                                    .map(m -> current.getOrDefault(m.key(), m))
                                    .toList(),
                                frontier);
                      }
                    }));
  }

  @Test
  void acknowledgeBeforeTheJournal() {
    assertFound(
        () ->
            inStore(
                real ->
                    new ForwardingStore(real) {
                      @Override
                      public CompletionStage<WriteOutcome> put(Write write) {
                        boolean weaken =
                            write.request() == null && write.durability() != Durability.DATABASE;
                        return real()
                            .put(
                                weaken
                                    ? new Write(
                                        write.key(),
                                        write.row(),
                                        Durability.MEMORY,
                                        write.callerWaits(),
                                        write.expected(),
                                        null)
                                    : write);
                      }
                    }));
  }

  /** The puts of a batch are answered, and written behind the removes of the next one. */
  @Test
  void removesBeforePuts() {
    assertFound(
        () ->
            inDatabase(
                real ->
                    new ForwardingRecord(real) {
                      private List<Mutation> held = List.of();

                      @Override
                      public CompletionStage<Applied> apply(Batch batch, Lease lease) {
                        List<Mutation> puts = new ArrayList<>();
                        List<Mutation> removes = new ArrayList<>();
                        batch
                            .mutations()
                            .forEach(m -> (m instanceof Mutation.Put ? puts : removes).add(m));
                        List<Mutation> late = held;
                        return real.apply(new Batch(batch.id(), removes, batch.frontier()), lease)
                            .thenCompose(
                                removed -> {
                                  held = puts;
                                  return real.apply(
                                          new Batch(batch.id(), late, batch.frontier()), lease)
                                      .thenApply(
                                          written -> {
                                            List<Outcome> outcomes = new ArrayList<>();
                                            int next = 0;
                                            for (Mutation mutation : batch.mutations()) {
                                              outcomes.add(
                                                  mutation instanceof Mutation.Put
                                                      ? Applied.Done.INSTANCE
                                                      : removed.outcomes().get(next++));
                                            }
                                            return new Applied(outcomes, 4);
                                          });
                                });
                      }
                    }));
  }

  @Test
  void fillWithoutToken() {
    assertFound(
        () ->
            inStore(
                real ->
                    new ForwardingStore(real) {
                      @Override
                      public CompletionStage<@Nullable Lookup> fill(
                          Key key, @Nullable Row row, long version, long fillToken) {
                        return real()
                            .fill(key, row, version, fillToken)
                            .thenCompose(
                                filled ->
                                    filled != null
                                        ? CompletableFuture.completedFuture(filled)
                                        : real()
                                            .get(key)
                                            .thenCompose(
                                                now ->
                                                    real()
                                                        .fill(key, row, version, now.fillToken())));
                      }
                    }));
  }

  @Test
  void epochIgnored() {
    assertFound(() -> weak(Weakness.IGNORES_EPOCHS));
  }

  @Test
  void epochCheckedWithoutTheLock() {
    assertFound(() -> weak(Weakness.LOOKS_AT_EPOCHS_WITHOUT_A_LOCK));
  }

  @Test
  void newestSegmentDeletedFirst() {
    assertFound(
        () ->
            onDisk(
                real ->
                    new ForwardingDisk(real) {
                      private String instead(String name) throws IOException {
                        // The one that is written is the last; the newest of the others goes.
                        List<String> segments = segments();
                        return segments.contains(name) && segments.size() > 2
                            ? segments.get(segments.size() - 2)
                            : name;
                      }

                      @Override
                      public void delete(String name) throws IOException {
                        real.delete(instead(name));
                      }

                      @Override
                      public void rename(String from, String to) throws IOException {
                        real.rename(instead(from), to);
                      }
                    }));
  }

  @Test
  void flushBeforeForce() {
    assertFound(
        () -> {
          Set<Object> taking = new HashSet<>();
          return new Plant() {
            @Override
            public HotStore store(HotStore real) {
              return new ForwardingStore(real) {
                @Override
                public CompletionStage<Taken> take(int partition, long epoch, TakeLimits limits) {
                  Object token = new Object();
                  taking.add(token);
                  return real()
                      .take(partition, epoch, limits)
                      .whenComplete((t, e) -> taking.remove(token));
                }
              };
            }

            @Override
            public Disk disk(Disk real) {
              taking.clear();
              return new ForwardingDisk(real) {
                @Override
                boolean forces() {
                  return taking.isEmpty();
                }
              };
            }
          };
        });
  }

  @Test
  void staleSettledBlindly() {
    assertFound(
        () ->
            outcomes(
                outcome -> outcome instanceof Applied.Stale ? Applied.Done.INSTANCE : outcome));
  }

  @Test
  void aReaderJoinsAnInvalidatedLoad() {
    assertFound(
        () ->
            inDatabase(
                real ->
                    new ForwardingRecord(real) {
                      private final Map<List<Key>, CompletionStage<List<Loaded>>> loads =
                          new HashMap<>();

                      @Override
                      public CompletionStage<List<Loaded>> load(List<Key> keys) {
                        CompletionStage<List<Loaded>> running = loads.get(keys);
                        if (running == null) {
                          running = real.load(keys);
                          loads.put(keys, running);
                          running.whenComplete((rows, failure) -> loads.remove(keys));
                        }
                        return running;
                      }
                    }));
  }

  @Test
  void refusedRowsCountAsDone() {
    assertFound(
        () ->
            outcomes(
                outcome -> outcome instanceof Applied.Rejected ? Applied.Done.INSTANCE : outcome));
  }

  @Test
  void theFrontierMovesOverRowsThatWereLeftOut() {
    assertFound(() -> weak(Weakness.MOVES_THE_FRONTIER_OVER_ROWS_LEFT_OUT));
  }

  /** How often an entry was refused is known to the process alone. */
  @Test
  void attemptsAreLostInACrash() {
    assertFound(
        () ->
            inStore(
                real ->
                    new ForwardingStore(real) {
                      private final Map<Key, Integer> known = new HashMap<>();

                      @Override
                      public CompletionStage<Boolean> defer(
                          int partition,
                          long epoch,
                          Mutation mutation,
                          long dueMicros,
                          int attempts,
                          Failure failure) {
                        known.put(mutation.key(), attempts);
                        return real().defer(partition, epoch, mutation, dueMicros, 0, failure);
                      }

                      @Override
                      public CompletionStage<Taken> take(
                          int partition, long epoch, TakeLimits limits) {
                        return real()
                            .take(partition, epoch, limits)
                            .thenApply(
                                taken -> {
                                  Map<Key, Taken.Tried> tried = new HashMap<>();
                                  taken
                                      .tried()
                                      .forEach(
                                          (key, had) ->
                                              tried.put(
                                                  key,
                                                  new Taken.Tried(
                                                      known.getOrDefault(key, 0),
                                                      had.firstMicros())));
                                  return new Taken(
                                      taken.mutations(),
                                      tried,
                                      taken.frontier(),
                                      taken.remaining(),
                                      taken.oldestRemaining(),
                                      taken.staged());
                                });
                      }
                    }));
  }

  @Test
  void aRefusedRowIsParkedAtOnce() {
    assertFound(
        () ->
            inStore(
                real ->
                    new ForwardingStore(real) {
                      @Override
                      public CompletionStage<Boolean> defer(
                          int partition,
                          long epoch,
                          Mutation mutation,
                          long dueMicros,
                          int attempts,
                          Failure failure) {
                        return real().park(partition, epoch, mutation, attempts, failure);
                      }
                    }));
  }

  /** What a person has given up is tried again. */
  @Test
  void aDiscardedLetterComesBack() {
    assertFound(
        () ->
            inStore(
                real ->
                    new ForwardingStore(real) {
                      @Override
                      public CompletionStage<Letter.Fate> discard(Key key, long version) {
                        return real().retry(key, version);
                      }
                    }));
  }

  private void assertFound(Supplier<Plant> plants) {
    for (long seed = 0; seed < SEEDS; seed++) {
      List<String> violations = Simulation.run(seed, plants.get()).violations();
      if (!violations.isEmpty()) {
        System.out.println(name + ": found with seed " + seed + ": " + violations.get(0));
        return;
      }
    }
    assertThat(SEEDS).as("not found").isZero();
  }

  private static Plant inStore(UnaryOperator<HotStore> bug) {
    return new Plant() {
      @Override
      public HotStore store(HotStore real) {
        return bug.apply(real);
      }
    };
  }

  private static Plant inDatabase(UnaryOperator<SystemOfRecord> bug) {
    return new Plant() {
      @Override
      public SystemOfRecord systemOfRecord(SystemOfRecord real) {
        return bug.apply(real);
      }
    };
  }

  private static Plant onDisk(UnaryOperator<Disk> bug) {
    return new Plant() {
      @Override
      public Disk disk(Disk real) {
        return bug.apply(real);
      }
    };
  }

  private static Plant weak(Weakness weakness) {
    return new Plant() {
      @Override
      public void database(FakeDatabase database) {
        database.weaken(weakness);
      }
    };
  }

  private static Plant outcomes(UnaryOperator<Outcome> change) {
    return inDatabase(
        real ->
            new ForwardingRecord(real) {
              @Override
              public CompletionStage<Applied> apply(Batch batch, Lease lease) {
                return real.apply(batch, lease)
                    .thenApply(
                        applied ->
                            new Applied(
                                applied.outcomes().stream().map(change).toList(),
                                applied.statements()));
              }
            });
  }
}
