package io.headpond.redis;

import static io.headpond.redis.ServersTest.INCREMENT;
import static io.headpond.redis.ServersTest.TIMEOUT;
import static io.headpond.redis.ServersTest.bytes;
import static io.headpond.redis.ServersTest.count;
import static io.headpond.redis.ServersTest.get;
import static io.headpond.redis.ServersTest.keys;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.redis.Wire.Answer;
import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestCluster;
import io.headpond.redis.servers.TestSentinel;
import io.headpond.redis.servers.TestServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A cluster, and a master behind a Sentinel: slots that move, masters that change. */
class ManyServersTest {
  private static final Script APPEND =
      Script.text("append", "return redis.call('RPUSH', KEYS[1], ARGV[1])");

  /** One cluster for what a cluster does, since it takes the longest to start. */
  @ParameterizedTest
  @EnumSource
  void aClusterWhoseSlotsMoveAndWhoseMasterDies(ServerBinary binary) throws Exception {
    try (TestCluster cluster = TestCluster.start(binary);
        Servers wire = Servers.open(cluster.url(), TIMEOUT)) {
      assertThat(wire.levels()).containsExactlyInAnyOrder(Durability.MEMORY, Durability.REPLICAS);
      everyKeyIsFound(cluster, wire);
      signalsAreHeardWhereverTheyArePublished(cluster, wire);
      aSlotMovesWhileItIsWrittenTo(cluster, wire);
      aMasterDiesWhileItIsWrittenTo(cluster, wire);
    }
  }

  private static void everyKeyIsFound(TestCluster cluster, Servers wire) throws Exception {
    Set<String> runs = new HashSet<>();
    for (int i = 0; i < 50; i++) {
      String key = "{" + i + "}";
      assertThat(cluster.nodes().get(0).call("CLUSTER", "KEYSLOT", key))
          .isEqualTo((long) Slots.of(bytes(key)));
      Durability level = i % 2 == 0 ? Durability.MEMORY : Durability.REPLICAS;
      Answer answer = get(wire.script(INCREMENT, keys(key), List.of(), level));
      assertThat(count(answer)).isEqualTo(1L);
      runs.add(answer.run());
    }
    assertThat(runs).hasSize(3);
  }

  private static void signalsAreHeardWhereverTheyArePublished(TestCluster cluster, Servers wire)
      throws Exception {
    LinkedBlockingQueue<String> heard = new LinkedBlockingQueue<>();
    wire.subscribe(
        bytes("signals"),
        message -> heard.add(ServersTest.text(message)),
        () -> heard.add("missed"));
    assertThat(heard.poll(30, TimeUnit.SECONDS)).isEqualTo("missed");
    for (TestServer node : cluster.nodes()) {
      node.call("PUBLISH", "signals", "from " + node.port());
      assertThat(heard.poll(30, TimeUnit.SECONDS)).isEqualTo("from " + node.port());
    }
  }

  /** Hazard 43: the keys of a partition are at two places for a while, and each write must be in one list, once and in order. */
  private static void aSlotMovesWhileItIsWrittenTo(TestCluster cluster, Servers wire)
      throws Exception {
    int slot = Slots.of(bytes("{moving}"));
    for (int i = 0; i < 100; i++) {
      get(wire.script(INCREMENT, keys("{moving}" + i), List.of(), Durability.MEMORY));
    }
    AtomicBoolean moved = new AtomicBoolean();
    AtomicReference<Throwable> failed = new AtomicReference<>();
    TestServer from = cluster.masterOf(slot);
    TestServer to =
        cluster.nodes().stream().limit(3).filter(node -> node != from).findFirst().orElseThrow();
    Thread mover =
        new Thread(
            () -> {
              try {
                cluster.move(slot, from, to);
                cluster.move(slot, to, from);
              } catch (RuntimeException e) {
                failed.set(e);
              }
              moved.set(true);
            });
    mover.start();
    List<CompletionStage<Answer>> written = new ArrayList<>();
    List<String> expected = new ArrayList<>();
    // Two keys, so that one may be here and the other there.
    Script both =
        Script.text(
            "both", "redis.call('INCR', KEYS[2]) return redis.call('RPUSH', KEYS[1], ARGV[1])");
    while (!moved.get() || written.size() < 1000) {
      Durability level = written.size() % 3 == 0 ? Durability.REPLICAS : Durability.MEMORY;
      expected.add("" + written.size());
      written.add(
          wire.script(both, keys("{moving}list", "{moving}7"), keys("" + written.size()), level));
      if (written.size() % 10 == 0) {
        get(written.get(written.size() - 1));
      }
    }
    mover.join();
    assertThat(failed.get()).isNull();
    for (CompletionStage<Answer> one : written) {
      get(one);
    }
    assertThat(from.call("LRANGE", "{moving}list", "0", "-1")).isEqualTo(expected);
    assertThat(from.call("GET", "{moving}7")).isEqualTo("" + (1 + written.size()));
  }

  /** Hazard 41: what all replicas had acknowledged is there, whichever of them became master. */
  private static void aMasterDiesWhileItIsWrittenTo(TestCluster cluster, Servers wire)
      throws Exception {
    TestServer master = cluster.masterOf(Slots.of(bytes("{dying}")));
    List<CompletionStage<Answer>> before = new ArrayList<>();
    for (int i = 0; i < 500; i++) {
      before.add(wire.script(APPEND, keys("{dying}"), keys("" + i), Durability.REPLICAS));
    }
    get(before.get(99));
    master.kill();
    Set<String> acknowledged = new HashSet<>();
    for (int i = 0; i < before.size(); i++) {
      try {
        get(before.get(i));
        acknowledged.add("" + i);
      } catch (ExecutionException e) {
        // Unknown, or not done.
      }
    }
    assertThat(acknowledged).hasSizeGreaterThanOrEqualTo(100);
    TestCluster.await(
        () -> {
          try {
            get(wire.script(APPEND, keys("{dying}"), keys("after"), Durability.MEMORY));
            return true;
          } catch (Exception e) {
            return false;
          }
        });
    TestServer promoted = cluster.masterOf(Slots.of(bytes("{dying}")));
    assertThat(promoted).isNotSameAs(master);
    List<?> list = (List<?>) promoted.call("LRANGE", "{dying}", "0", "-1");
    assertThat(list).doesNotHaveDuplicates();
    assertThat(new HashSet<Object>(list)).containsAll(acknowledged);
    master.start();
    TestCluster.await(
        () -> {
          wire.check();
          return wire.levels().contains(Durability.REPLICAS) && wire.reasons().isEmpty();
        });
  }

  @ParameterizedTest
  @EnumSource
  void theMasterIsTheOneThatTheSentinelNames(ServerBinary binary) throws Exception {
    try (TestSentinel sentinel = TestSentinel.start(binary);
        Servers wire = Servers.open(sentinel.url(), Duration.ofMillis(1500))) {
      assertThat(wire.levels()).contains(Durability.REPLICAS);
      Answer before = get(wire.script(INCREMENT, keys("x"), List.of(), Durability.REPLICAS));
      sentinel.failOver();
      // What the former master takes meanwhile goes under, so no replica may be said to have it.
      List<String> acknowledgedBy = new ArrayList<>();
      TestCluster.await(
          () -> {
            try {
              acknowledgedBy.add(
                  get(wire.script(INCREMENT, keys("x"), List.of(), Durability.REPLICAS)).run());
            } catch (Exception e) {
              // Unknown, or there is no replica.
            }
            try {
              Answer now = get(wire.script(INCREMENT, keys("y"), List.of(), Durability.MEMORY));
              return !now.run().equals(before.run());
            } catch (Exception e) {
              return false;
            }
          });
      assertThat(acknowledgedBy).doesNotContain(before.run());
      TestServer promoted = sentinel.second();
      assertThat(promoted.call("GET", "x")).isNotNull();
    }
  }

  @Test
  void aMasterThatDiesBehindASentinelIsReplaced() throws Exception {
    try (TestSentinel sentinel = TestSentinel.start(ServerBinary.REDIS_6_2);
        Servers wire = Servers.open(sentinel.url(), TIMEOUT)) {
      Answer before = get(wire.script(INCREMENT, keys("x"), List.of(), Durability.REPLICAS));
      sentinel.first().kill();
      TestCluster.await(() -> !wire.reasons().isEmpty());
      assertThat(ServersTest.afterReconnect(wire, "x")).isEqualTo(2);
      Answer after = get(wire.script(INCREMENT, keys("x"), List.of(), Durability.MEMORY));
      assertThat(after.run()).isNotEqualTo(before.run());
    }
  }

  @Test
  void aMasterThatTheSentinelDoesNotKnow() {
    try (TestSentinel sentinel = TestSentinel.start(ServerBinary.REDIS_6_2)) {
      assertThatThrownBy(() -> Servers.open(sentinel.url() + "2", TIMEOUT))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining("knows no master orders2; it knows: orders");
      assertThatThrownBy(
              () -> Servers.open("redis://127.0.0.1:" + sentinel.sentinel().port(), TIMEOUT))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining("is a Sentinel; needed: redis-sentinel://");
    }
  }
}
