package io.headpond.redis;

import static io.headpond.redis.ServersTest.bytes;
import static io.headpond.redis.ServersTest.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Durability;
import io.headpond.redis.Wire.Answer;
import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestCluster;
import io.headpond.redis.servers.TestSentinel;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ManyServersTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final Script INCREMENT =
      Script.text("increment", "return redis.call('INCR', KEYS[1])");

  @ParameterizedTest
  @EnumSource
  void eachKeyOfAClusterIsFound(ServerBinary binary) throws Exception {
    try (TestCluster cluster = TestCluster.start(binary);
        Servers wire = Servers.open(cluster.url(), TIMEOUT)) {
      assertThat(wire.levels()).containsExactlyInAnyOrder(Durability.MEMORY, Durability.REPLICAS);
      Set<String> runs = new HashSet<>();
      for (int i = 0; i < 50; i++) {
        Answer answer =
            get(
                wire.script(
                    INCREMENT,
                    List.of(bytes("{" + i + "}")),
                    List.of(),
                    i % 2 == 0 ? Durability.MEMORY : Durability.REPLICAS));
        assertThat(answer.reply()).isEqualTo(1L);
        runs.add(answer.run());
      }
      assertThat(runs).hasSize(3);
    }
  }

  @ParameterizedTest
  @EnumSource
  void theMasterIsFoundThroughTheSentinelAlsoAfterAFailover(ServerBinary binary) throws Exception {
    try (TestSentinel sentinel = TestSentinel.start(binary);
        Servers wire = Servers.open(sentinel.url(), TIMEOUT)) {
      Answer before =
          get(wire.script(INCREMENT, List.of(bytes("x")), List.of(), Durability.REPLICAS));
      sentinel.failOver();
      // What the former master takes meanwhile goes under; no replica acknowledges it.
      AtomicReference<Answer> after = new AtomicReference<>(before);
      TestCluster.await(
          () -> {
            try {
              after.set(
                  get(wire.script(INCREMENT, List.of(bytes("x")), List.of(), Durability.MEMORY)));
            } catch (Exception e) {
              // It is connecting.
            }
            return !after.get().run().equals(before.run());
          });
      assertThat(after.get().reply()).isEqualTo(2L);
    }
  }
}
