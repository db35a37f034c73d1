package io.headpond.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Durability;
import io.headpond.redis.Wire.Answer;
import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestServer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ServersTest {
  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  @Test
  void aScriptRunsWithTheRunIdAsItsLastArgumentAndAStockRedisKeepsMemory() throws Exception {
    try (TestServer server = TestServer.start(ServerBinary.REDIS_6_2);
        Servers wire = Servers.open(server.url(), TIMEOUT)) {
      assertThat(wire.levels()).containsExactly(Durability.MEMORY);
      Script script = Script.text("echo", "return {ARGV[1], ARGV[2], 7, false, {}, {1, {2}}}");
      Answer answer =
          get(wire.script(script, List.of(bytes("{a}:x")), List.of(bytes("one")), false));
      List<?> reply = (List<?>) answer.reply();
      assertThat(text(reply.get(0))).isEqualTo("one");
      assertThat(text(reply.get(1))).isEqualTo(answer.run()).hasSize(40);
      assertThat(reply.get(2)).isEqualTo(7L);
      assertThat(reply.get(3)).isNull();
      assertThat(reply.get(4)).isEqualTo(List.of());
      assertThat(reply.get(5)).isEqualTo(List.of(1L, List.of(2L)));
    }
  }

  static <T> T get(java.util.concurrent.CompletionStage<T> stage) throws Exception {
    return stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
  }

  static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  static String text(Object bytes) {
    return new String((byte[]) bytes, UTF_8);
  }
}
