package io.headpond.testkit;

import static io.headpond.testkit.SharedFixture.LEASE;
import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Durability;
import io.headpond.EntryState;
import io.headpond.Key;
import io.headpond.spi.Lookup;
import io.headpond.testkit.SharedFixture.Node;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Random histories of several processes on one shared store: workers come, leave, are killed, stopped and continued; the store fails over and loses its tail, is restarted, does not answer; signals get
 * lost; the database is away, refuses rows and loses replies. In the end everything works again, and nothing is lost that was to survive, nothing went back, nothing was written twice.
 */
@Timeout(300)
class SharedHistoryTest {
  private static final int SEEDS = Integer.getInteger("seeds.shared", 150);
  private static final int STEPS = 60;
  private static final int KEYS = 8;

  private static final List<Durability> LEVELS =
      List.of(Durability.REPLICAS, Durability.REPLICAS, Durability.JOURNAL, Durability.DATABASE);

  @Test
  void whateverHappensNothingIsLostNothingGoesBackNothingIsWrittenTwice() {
    for (int seed = 1; seed <= SEEDS; seed++) {
      assertThat(new Run(seed, null).violations()).as("seed %d", seed).isEmpty();
    }
  }

  @ParameterizedTest
  @EnumSource
  void aStoreThatDoesWhatItMayNotIsFoundOut(SharedModel.Weakness weakness) {
    for (int seed = 1; seed <= 300; seed++) {
      if (!new Run(seed, weakness).violations().isEmpty()) {
        return;
      }
    }
    throw new AssertionError("not found");
  }

  private static final class Run {
    private final SharedFixture t;
    private final Random random;
    private final List<Node> alive = new ArrayList<>();
    private final List<Node> still = new ArrayList<>();
    private final List<String> violations = new ArrayList<>();
    private int words;
    private boolean refused;

    private Run(long seed, SharedModel.@Nullable Weakness weakness) {
      t = new SharedFixture(seed);
      random = new Random(seed);
      t.partitions = 1 + random.nextInt(5);
      if (weakness != null) {
        t.model.weaken(weakness);
      }
    }

    private List<String> violations() {
      join(true);
      join(random.nextBoolean());
      for (int i = 0; i < STEPS && violations.isEmpty(); i++) {
        write();
        happen();
        t.pass(Duration.ofMillis(random.nextInt(random.nextInt(6) == 0 ? 15_000 : 400)));
        frontiers();
      }
      restIn();
      violations.addAll(t.violations());
      violations.addAll(t.twice());
      return violations;
    }

    private void join(boolean flushes) {
      try {
        alive.add(
            t.open(
                "p" + t.nodes.size(),
                builder ->
                    builder.flushes(flushes).maxRetries(0).retryDelay(Duration.ofMillis(50))));
      } catch (io.headpond.UnavailableException e) {
        t.nodes.remove(t.nodes.size() - 1);
      }
    }

    private void write() {
      for (int i = random.nextInt(4); i >= 0 && !alive.isEmpty(); i--) {
        Node node = alive.get(random.nextInt(alive.size()));
        if (!still.contains(node)) {
          node.put(
              random.nextInt(KEYS),
              random.nextInt(8) == 0 ? null : "w" + words++,
              LEVELS.get(random.nextInt(LEVELS.size())));
        }
      }
    }

    private void happen() {
      switch (random.nextInt(24)) {
        case 0 -> join(random.nextInt(3) > 0);
        case 1 -> {
          Node node = any();
          alive.remove(node);
          still.remove(node);
          node.kill();
          t.checker.processDied();
        }
        case 2 -> {
          Node node = any();
          if (!still.contains(node)) {
            still.add(node);
            node.process.standStill();
          }
        }
        case 3, 4 -> goOn();
        case 5 -> {
          t.model.failOver();
          t.checker.powerLost();
          t.lostTail = true;
        }
        case 6 -> t.model.restart();
        case 7 -> t.model.replicate();
        case 8 -> t.model.setAway(true);
        case 9, 10 -> t.model.setAway(false);
        case 11 -> t.model.setLoseSignals(true);
        case 12, 13 -> t.model.setLoseSignals(false);
        case 14 -> t.database.setAway(true);
        case 15, 16 -> t.database.setAway(false);
        case 17 -> t.database.loseNextReply();
        case 18 -> t.database.loseNextCommit();
        case 19 -> {
          int bad = random.nextInt(KEYS);
          refused = true;
          t.database.refuse(mutation -> mutation.key().equals(EngineFixture.key(bad)));
        }
        case 20, 21 -> t.database.refuse(mutation -> false);
        case 22 -> t.model.setAway(any().process, random.nextBoolean());
        default -> {
          // Nothing.
        }
      }
      if (alive.isEmpty()) {
        join(true);
        if (alive.isEmpty()) {
          t.model.setAway(false);
          t.database.setAway(false);
          join(true);
        }
      }
    }

    private Node any() {
      return alive.get(random.nextInt(alive.size()));
    }

    private void goOn() {
      still.forEach(node -> node.process.goOn());
      still.clear();
    }

    /** What was written before the frontier is in the database, also if the store has not heard of it; but for letters, and for what the store has forgotten to be settled. */
    private void frontiers() {
      for (int i = 0; i < KEYS && !t.lostTail && !refused; i++) {
        Key key = EngineFixture.key(i);
        Lookup now = t.environment.await(t.model.journal().get(key));
        FakeDatabase.Stored row = t.database.row(key);
        long there = row == null ? 0 : row.version();
        boolean owed =
            now.row() == null ? row != null && there < now.version() : there < now.version();
        if (now.state() == EntryState.PENDING
            && owed
            && now.version() < t.database.frontier(key.partition(t.partitions))) {
          violations.add("the frontier is ahead of what is pending of " + i + ": " + now);
        }
      }
    }

    private void restIn() {
      goOn();
      t.model.setAway(false);
      t.model.setLoseSignals(false);
      t.database.setAway(false);
      t.database.refuse(mutation -> false);
      t.nodes.forEach(node -> t.model.setAway(node.process, false));
      join(true);
      t.pass(LEASE.multipliedBy(4));
      Node asked = alive.get(alive.size() - 1);
      if (t.model.pendingEntries() > 0) {
        violations.add("still pending: " + asked.cache().status());
      }
      List<Integer> shares = t.shares(asked);
      if (shares.get(shares.size() - 1) - shares.get(0) > 1) {
        violations.add("not shared out evenly: " + shares);
      }
      if (!refused && asked.cache().status().parked() > 0) {
        violations.add("parked, and nothing was refused: " + asked.cache().status());
      }
      for (Node node : alive) {
        List<String> reasons =
            node.cache().status().reasons().stream()
                .filter(why -> !why.contains("parked"))
                .toList();
        if (!reasons.isEmpty()) {
          violations.add(node.name + " is not well: " + reasons);
        }
      }
    }
  }
}
