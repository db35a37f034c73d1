package io.headpond.redis;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.OutcomeUnknownException;
import io.headpond.UnavailableException;
import io.headpond.redis.Wire.Answer;
import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestCluster;
import io.headpond.redis.servers.TestServer;
import io.headpond.testkit.FaultProxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** One server, and all that may come between. */
class ServersTest {
  static final Duration TIMEOUT = Duration.ofSeconds(5);
  static final Script INCREMENT =
      Script.text("increment", "return {redis.call('INCR', KEYS[1]), 'done'}");

  private static TestServer server;

  @BeforeAll
  static void start() {
    server = TestServer.start(ServerBinary.REDIS_6_2);
  }

  @AfterAll
  static void stop() {
    server.close();
  }

  @Test
  void aScriptGetsTheRunIdAsItsLastArgumentAndAnyAnswerIsRead() throws Exception {
    try (Servers wire = Servers.open(server.url(), TIMEOUT)) {
      Script script = Script.text("echo", "return {ARGV[1], ARGV[2], 7, false, {}, {1, {2}}}");
      Answer answer = get(wire.script(script, keys("{a}:x"), keys("one"), Durability.MEMORY));
      List<?> reply = (List<?>) answer.reply();
      assertThat(text(reply.get(0))).isEqualTo("one");
      assertThat(text(reply.get(1))).isEqualTo(answer.run()).hasSize(40);
      assertThat(reply.get(2)).isEqualTo(7L);
      assertThat(reply.get(3)).isNull();
      assertThat(reply.get(4)).isEqualTo(List.of());
      assertThat(reply.get(5)).isEqualTo(List.of(1L, List.of(2L)));
    }
  }

  @Test
  void aStockServerKeepsMemory() {
    try (Servers wire = Servers.open(server.url(), TIMEOUT)) {
      assertThat(wire.levels()).containsExactly(Durability.MEMORY);
      assertThat(wire.reasons()).isEmpty();
      assertThat(wire.description()).isEqualTo(server.url());
    }
  }

  @Test
  void valuesAreReadAsTheyAre() throws Exception {
    server.call("SET", "{v}:1", "one");
    server.call("SET", "{v}:3", "");
    try (Servers wire = Servers.open(server.url(), TIMEOUT)) {
      List<?> values = (List<?>) get(wire.get(keys("{v}:1", "{v}:2", "{v}:3"))).reply();
      assertThat(text(values.get(0))).isEqualTo("one");
      assertThat(values.get(1)).isNull();
      assertThat(text(values.get(2))).isEmpty();
    }
  }

  @Test
  void scriptsThatTheServerHasForgottenRunOnce() throws Exception {
    try (Servers wire = Servers.open(server.url(), TIMEOUT)) {
      for (int i = 1; i <= 3; i++) {
        server.call("SCRIPT", "FLUSH");
        assertThat(
                count(get(wire.script(INCREMENT, keys("forgotten"), List.of(), Durability.MEMORY))))
            .isEqualTo(i);
      }
    }
  }

  @Test
  void scriptsForOneSlotKeepTheirOrder() throws Exception {
    Script append = Script.text("append", "return redis.call('RPUSH', KEYS[1], ARGV[1])");
    try (Servers wire = Servers.open(server.url(), TIMEOUT)) {
      List<CompletionStage<Answer>> all = new ArrayList<>();
      List<String> expected = new ArrayList<>();
      for (int i = 0; i < 2000; i++) {
        if (i % 500 == 100) {
          server.call("SCRIPT", "FLUSH");
        }
        expected.add("" + i);
        all.add(wire.script(append, keys("order"), keys("" + i), Durability.MEMORY));
      }
      for (CompletionStage<Answer> one : all) {
        get(one);
      }
      assertThat(server.call("LRANGE", "order", "0", "-1")).isEqualTo(expected);
    }
  }

  @Test
  void aScriptThatAnswersWithAnErrorHasDoneNothingAndOneThatDiesIsUnknown() {
    try (Servers wire = Servers.open(server.url(), TIMEOUT)) {
      Script refuses = Script.text("refuses", "return redis.error_reply('NOCLOCK no clock')");
      assertThatThrownBy(() -> get(wire.script(refuses, keys("x"), List.of(), Durability.MEMORY)))
          .hasCauseInstanceOf(UnavailableException.class)
          .hasMessageContaining("NOCLOCK no clock");
      Script dies =
          Script.text("dies", "redis.call('SET', KEYS[1], '1') return redis.call('LPOP', KEYS[1])");
      assertThatThrownBy(() -> get(wire.script(dies, keys("died"), List.of(), Durability.MEMORY)))
          .hasCauseInstanceOf(OutcomeUnknownException.class)
          .hasMessageContaining("WRONGTYPE");
    }
  }

  @Test
  void aScriptWhoseAnswerIsLostIsUnknownAndIsNotSentAgain() throws Exception {
    try (FaultProxy proxy = new FaultProxy(server.port());
        Servers wire = Servers.open("redis://127.0.0.1:" + proxy.port(), TIMEOUT)) {
      get(wire.script(INCREMENT, keys("answer"), List.of(), Durability.MEMORY));
      proxy.cutAt(FaultProxy.Cut.ANSWER, "done");
      assertUnknown(wire.script(INCREMENT, keys("answer"), List.of(), Durability.MEMORY));
      assertThat(afterReconnect(wire, "answer")).isEqualTo(3);
    }
  }

  @Test
  void aScriptThatDoesNotArriveIsUnknownAndIsNotSentAgain() throws Exception {
    try (FaultProxy proxy = new FaultProxy(server.port());
        Servers wire = Servers.open("redis://127.0.0.1:" + proxy.port(), TIMEOUT)) {
      get(wire.script(INCREMENT, keys("request"), List.of(), Durability.MEMORY));
      proxy.cutAt(FaultProxy.Cut.REQUEST, "EVALSHA");
      assertUnknown(wire.script(INCREMENT, keys("request"), List.of(), Durability.MEMORY));
      assertThat(afterReconnect(wire, "request")).isEqualTo(2);
    }
  }

  @Test
  void whatStandsInLineWhenTheConnectionIsLostIsRefusedAtOnce() throws Exception {
    try (FaultProxy proxy = new FaultProxy(server.port());
        Servers wire = Servers.open("redis://127.0.0.1:" + proxy.port(), TIMEOUT)) {
      get(wire.script(INCREMENT, keys("line"), List.of(), Durability.MEMORY));
      proxy.blackHole();
      CompletionStage<Answer> sent =
          wire.script(INCREMENT, keys("line"), List.of(), Durability.MEMORY);
      List<CompletionStage<Answer>> waiting = new ArrayList<>();
      for (int i = 0; i < 20_000; i++) {
        waiting.add(wire.script(INCREMENT, keys("line"), List.of(), Durability.MEMORY));
      }
      proxy.refuse();
      assertUnknown(sent);
      for (CompletionStage<Answer> one : waiting) {
        assertThatThrownBy(() -> get(one)).hasCauseInstanceOf(UnavailableException.class);
      }
      assertThat(wire.reasons()).isNotEmpty();
      proxy.heal();
      assertThat(afterReconnect(wire, "line")).isEqualTo(2);
      assertThat(wire.reasons()).isEmpty();
    }
  }

  @Test
  void aServerThatDoesNotAnswerInTimeLeavesTheOutcomeUnknown() throws Exception {
    Duration timeout = Duration.ofMillis(700);
    try (TestServer slow = TestServer.start(ServerBinary.REDIS_6_2);
        Servers wire = Servers.open(slow.url(), timeout)) {
      get(wire.script(INCREMENT, keys("slow"), List.of(), Durability.MEMORY));
      slow.pause();
      assertUnknown(wire.script(INCREMENT, keys("slow"), List.of(), Durability.MEMORY));
      assertThatThrownBy(
              () -> get(wire.script(INCREMENT, keys("slow"), List.of(), Durability.MEMORY)))
          .hasCauseInstanceOf(UnavailableException.class);
      slow.resume();
      assertThat(afterReconnect(wire, "slow")).isEqualTo(3);
    }
  }

  @Test
  void aRestartedServerAnswersUnderAnotherRunId() throws Exception {
    try (TestServer mortal = TestServer.start(ServerBinary.REDIS_6_2, "--appendonly", "yes");
        Servers wire = Servers.open(mortal.url(), TIMEOUT)) {
      Answer before = get(wire.script(INCREMENT, keys("x"), List.of(), Durability.MEMORY));
      mortal.kill();
      TestCluster.await(() -> !wire.reasons().isEmpty());
      assertThatThrownBy(() -> get(wire.script(INCREMENT, keys("x"), List.of(), Durability.MEMORY)))
          .hasCauseInstanceOf(UnavailableException.class)
          .hasMessageContaining(mortal.url());
      mortal.start();
      assertThat(afterReconnect(wire, "x")).isEqualTo(2);
      Answer after = get(wire.script(INCREMENT, keys("x"), List.of(), Durability.MEMORY));
      assertThat(after.run()).isNotEqualTo(before.run());
    }
  }

  @Test
  void aMasterThatBecomesAReplicaIsLeftUntilItIsMasterAgain() throws Exception {
    try (TestServer demoted = TestServer.start(ServerBinary.REDIS_6_2);
        Servers wire = Servers.open(demoted.url(), TIMEOUT)) {
      get(wire.script(INCREMENT, keys("x"), List.of(), Durability.MEMORY));
      demoted.call("REPLICAOF", "127.0.0.1", "" + server.port());
      assertThatThrownBy(() -> get(wire.script(INCREMENT, keys("x"), List.of(), Durability.MEMORY)))
          .hasCauseInstanceOf(UnavailableException.class)
          .hasMessageContaining("is a replica of 127.0.0.1:" + server.port());
      demoted.call("REPLICAOF", "NO", "ONE");
      afterReconnect(wire, "x");
    }
  }

  @Test
  void signalsAreHeardAgainAfterAReconnectAndWhatMayBeMissedIsTold() throws Exception {
    BlockingQueue<String> heard = new LinkedBlockingQueue<>();
    try (FaultProxy proxy = new FaultProxy(server.port());
        Servers wire = Servers.open("redis://127.0.0.1:" + proxy.port(), TIMEOUT)) {
      wire.subscribe(bytes("a"), message -> heard.add(text(message)), () -> heard.add("missed"));
      assertThat(heard.poll(30, TimeUnit.SECONDS)).isEqualTo("missed");
      wire.subscribe(bytes("b"), message -> heard.add(text(message)), () -> heard.add("missed b"));
      assertThat(heard.poll(30, TimeUnit.SECONDS)).isEqualTo("missed b");
      server.call("PUBLISH", "a", "one");
      server.call("PUBLISH", "b", "two");
      assertThat(heard.poll(30, TimeUnit.SECONDS)).isEqualTo("one");
      assertThat(heard.poll(30, TimeUnit.SECONDS)).isEqualTo("two");
      proxy.reset();
      assertThat(List.of(next(heard), next(heard))).containsExactlyInAnyOrder("missed", "missed b");
      server.call("PUBLISH", "a", "three");
      assertThat(next(heard)).isEqualTo("three");
    }
  }

  @Test
  void afterTheEndEverythingIsRefused() {
    Servers wire = Servers.open(server.url(), TIMEOUT);
    wire.close();
    assertThatThrownBy(() -> get(wire.script(INCREMENT, keys("end"), List.of(), Durability.MEMORY)))
        .hasCauseInstanceOf(UnavailableException.class);
    assertThat(server.call("EXISTS", "end")).isEqualTo(0L);
  }

  @Test
  void whatIsTriedAgainWhenAllIsClosedIsToldSo() {
    Servers wire = Servers.open(server.url(), TIMEOUT);
    Script busy =
        Script.text(
            "busy", "redis.call('INCR', KEYS[1]) return redis.error_reply('TRYAGAIN later')");
    server.call("SET", "busy0", "0");
    List<CompletionStage<Answer>> all = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      // Also some for the same slot, which wait for one another.
      all.add(wire.script(busy, keys("busy" + i % 50), List.of(), Durability.MEMORY));
    }
    // By then it pauses for so long that all is closed meanwhile.
    TestCluster.await(() -> Integer.parseInt((String) server.call("GET", "busy0")) > 8);
    wire.close();
    for (CompletionStage<Answer> one : all) {
      assertThatThrownBy(() -> get(one))
          .hasCauseInstanceOf(HeadpondException.class)
          .hasMessageMatching("(?s).*(closed|lost).*");
    }
  }

  private static String next(BlockingQueue<String> queue) throws InterruptedException {
    return queue.poll(30, TimeUnit.SECONDS);
  }

  /** Increments as soon as that is possible, surely once. */
  static long afterReconnect(Wire wire, String key) throws Exception {
    CompletableFuture<Long> count = new CompletableFuture<>();
    TestCluster.await(
        () -> {
          try {
            count.complete(
                count(get(wire.script(INCREMENT, keys(key), List.of(), Durability.MEMORY))));
            return true;
          } catch (ExecutionException e) {
            if (e.getCause() instanceof UnavailableException) {
              return false;
            }
            throw new IllegalStateException(e);
          } catch (Exception e) {
            throw new IllegalStateException(e);
          }
        });
    return count.get();
  }

  static void assertUnknown(CompletionStage<?> stage) {
    assertThatThrownBy(() -> get(stage)).hasCauseInstanceOf(OutcomeUnknownException.class);
  }

  static long count(Answer answer) {
    return (Long) ((List<?>) answer.reply()).get(0);
  }

  static <T> T get(CompletionStage<T> stage) throws Exception {
    return stage.toCompletableFuture().get(30, TimeUnit.SECONDS);
  }

  static List<byte[]> keys(String... texts) {
    List<byte[]> keys = new ArrayList<>();
    for (String text : texts) {
      keys.add(bytes(text));
    }
    return keys;
  }

  static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  static String text(Object bytes) {
    return new String((byte[]) bytes, UTF_8);
  }
}
