package io.headpond.redis;

import static io.headpond.redis.ServersTest.INCREMENT;
import static io.headpond.redis.ServersTest.TIMEOUT;
import static io.headpond.redis.ServersTest.get;
import static io.headpond.redis.ServersTest.keys;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.UnavailableException;
import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestCertificate;
import io.headpond.redis.servers.TestCluster;
import io.headpond.redis.servers.TestServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is at the other end is not what the URL says: one line says what is there, and what is needed. */
class WrongServerTest {
  private static final Duration SHORT = Duration.ofMillis(700);

  private static TestServer server;
  private static TestServer node;

  @BeforeAll
  static void start() {
    server = TestServer.start(ServerBinary.REDIS_6_2);
    node = TestServer.start(ServerBinary.REDIS_6_2, "--cluster-enabled", "yes");
  }

  @AfterAll
  static void stop() {
    server.close();
    node.close();
  }

  @Test
  void nobodyIsThere() throws IOException {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    refused(
        "redis://:geheim@127.0.0.1:" + port,
        UnavailableException.class,
        "cannot be reached",
        "Connection refused");
    refused(
        "redis-cluster://:geheim@127.0.0.1:" + port,
        UnavailableException.class,
        "cannot be reached");
    refused(
        "redis-sentinel://:geheim@127.0.0.1:" + port + "#orders",
        UnavailableException.class,
        "cannot be reached");
    refused("redis://host.invalid", UnavailableException.class, "host.invalid");
  }

  @Test
  void somethingElseAnswers() throws Exception {
    try (ServerSocket web = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      answerWith(web, "HTTP/1.1 400 Bad Request\r\n\r\n");
      refused(
          "redis://127.0.0.1:" + web.getLocalPort(),
          ConfigurationException.class,
          "is not a Redis");
    }
    try (ServerSocket silent = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      refused(
          "redis://127.0.0.1:" + silent.getLocalPort(),
          UnavailableException.class,
          "does not answer",
          "is it a Redis?");
    }
  }

  @Test
  void aServerThatSaysNothingOfItselfIsNotWaitedForWithoutEnd() throws Exception {
    try (ServerSocket mute = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      answerPings(mute);
      for (String url : List.of("redis://", "redis-cluster://")) {
        assertThatThrownBy(
                () -> Servers.open(url + "127.0.0.1:" + mute.getLocalPort(), Duration.ofSeconds(1)))
            .isInstanceOf(UnavailableException.class)
            .hasMessageContaining("has not answered for 1000 ms");
      }
    }
  }

  /** Takes connections, and then says nothing of itself. */
  private static void answerPings(ServerSocket socket) {
    begin(
        () -> {
          while (!socket.isClosed()) {
            Socket client = socket.accept();
            begin(() -> answerPings(client));
          }
          return null;
        });
  }

  private static @Nullable Void answerPings(Socket client) throws IOException {
    byte[] asked = new byte[10_000];
    for (int length = 0; length >= 0; length = client.getInputStream().read(asked)) {
      String text = new String(asked, 0, length, StandardCharsets.US_ASCII);
      String ok = "+OK\r\n".repeat(text.split("CLIENT", -1).length - 1);
      String pong = text.contains("PING") ? "+PONG\r\n" : "";
      client.getOutputStream().write((pong + ok).getBytes(StandardCharsets.US_ASCII));
    }
    return null;
  }

  /** Until the connection is closed. */
  private static void begin(Callable<?> task) {
    Thread thread =
        new Thread(
            () -> {
              try {
                task.call();
              } catch (Exception e) {
                // Closed.
              }
            });
    thread.setDaemon(true);
    thread.start();
  }

  private static void answerWith(ServerSocket socket, String text) {
    Thread thread =
        new Thread(
            () -> {
              while (!socket.isClosed()) {
                try (Socket client = socket.accept()) {
                  assertThat(client.getInputStream().read()).isPositive();
                  client.getOutputStream().write(text.getBytes(StandardCharsets.US_ASCII));
                } catch (IOException e) {
                  // Closed.
                }
              }
            });
    thread.setDaemon(true);
    thread.start();
  }

  @Test
  void passwordsThatAreMissingWrongOrTooMuch() {
    refused(
        "redis://:geheim@127.0.0.1:" + server.port(),
        ConfigurationException.class,
        "has no password");
    refused(
        "redis://ann:geheim@127.0.0.1:" + server.port(),
        ConfigurationException.class,
        "wrong user or password of user ann",
        "WRONGPASS");
    try (TestServer locked = TestServer.start(ServerBinary.REDIS_6_2)) {
      locked.call("CONFIG", "SET", "requirepass", "secret");
      refused(locked.url(), ConfigurationException.class, "wants a password");
      refused(
          "redis://:geheim@127.0.0.1:" + locked.port(),
          ConfigurationException.class,
          "wrong user or password");
      try (Servers wire = Servers.open("redis://:secret@127.0.0.1:" + locked.port(), TIMEOUT)) {
        assertThat(wire.levels()).contains(Durability.MEMORY);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aUserWithoutRights(ServerBinary binary) throws Exception {
    try (TestServer locked =
        TestServer.start(binary, "--appendonly", "yes", "--appendfsync", "always")) {
      locked.call(
          "ACL",
          "SETUSER",
          "ann",
          "on",
          ">secret",
          "~pond:*",
          "resetchannels",
          "&pond:*",
          "+@all",
          "-@dangerous");
      String url = "redis://ann:secret@127.0.0.1:" + locked.port();
      refused(url, ConfigurationException.class, "missing rights of user ann", "info");
      locked.call("ACL", "SETUSER", "ann", "+info");
      try (Servers wire = Servers.open(url, TIMEOUT)) {
        // What its user may not see it does not promise.
        assertThat(wire.levels()).containsExactly(Durability.MEMORY);
        get(wire.script(INCREMENT, keys("pond:x"), List.of(), Durability.MEMORY));
        assertThatThrownBy(
                () -> get(wire.script(INCREMENT, keys("x"), List.of(), Durability.MEMORY)))
            .hasCauseInstanceOf(UnavailableException.class)
            .hasMessageContaining("NOPERM")
            .hasMessageContaining("ACL SETUSER");
        locked.call("ACL", "SETUSER", "ann", "-eval", "-evalsha");
        assertThatThrownBy(
                () -> get(wire.script(INCREMENT, keys("pond:x"), List.of(), Durability.MEMORY)))
            .hasCauseInstanceOf(UnavailableException.class)
            .hasMessageContaining("evalsha");
      }
      locked.call("ACL", "SETUSER", "ann", "+config|get", "+eval", "+evalsha");
      try (Servers wire = Servers.open(url, TIMEOUT)) {
        assertThat(wire.levels()).contains(Durability.DISK);
      }
    }
  }

  @Test
  void aServerOfAnotherKind() {
    refused(
        "redis://127.0.0.1:" + node.port(),
        ConfigurationException.class,
        "is a node of a cluster",
        "redis-cluster://");
    refused(
        "redis://127.0.0.1:" + node.port() + "/3",
        ConfigurationException.class,
        "is a node of a cluster");
    refused(
        "redis-cluster://127.0.0.1:" + server.port(),
        ConfigurationException.class,
        "is a single server",
        "redis://");
    refused(
        "redis-sentinel://127.0.0.1:" + server.port() + "#orders",
        ConfigurationException.class,
        "is no Sentinel");
    refused(
        "redis-cluster://127.0.0.1:" + node.port(),
        UnavailableException.class,
        "16384 of the cluster's slots have no master");
    refused(
        server.url() + "/99", ConfigurationException.class, "there is no database 99", "databases");
  }

  @Test
  void aReplica() {
    try (TestServer replica = TestServer.start(ServerBinary.REDIS_6_2)) {
      replica.call("REPLICAOF", "127.0.0.1", "" + server.port());
      refused(
          replica.url(),
          ConfigurationException.class,
          "is a replica of 127.0.0.1:" + server.port(),
          "needed: the master");
    }
  }

  @Test
  void aServerThatIsLoading() {
    try (TestServer slow =
        TestServer.start(
            ServerBinary.REDIS_6_2, "--appendonly", "yes", "--aof-use-rdb-preamble", "no")) {
      for (int i = 0; i < 10; i++) {
        slow.call(
            "EVAL",
            "for i = 1, 1000 do redis.call('SET', KEYS[1] .. i, i) end",
            "1",
            "key-" + i + "-");
      }
      slow.kill();
      slow.startWithoutWaiting("--key-load-delay", "200");
      TestCluster.await(slow::loading);
      refused(slow.url(), UnavailableException.class, "is loading its data");
    }
  }

  @ParameterizedTest
  @EnumSource
  void encryptionOnOneSideOnly(ServerBinary binary, @TempDir Path folder) throws Exception {
    TestCertificate certificate = TestCertificate.in(folder);
    try (TestServer encrypted =
        TestServer.start(
            binary,
            "--port",
            "0",
            "--tls-port",
            "PORT",
            "--tls-cert-file",
            certificate.certificate().toString(),
            "--tls-key-file",
            certificate.key().toString(),
            "--tls-auth-clients",
            "no")) {
      String url = "rediss://127.0.0.1:" + encrypted.port();
      refused("redis://127.0.0.1:" + encrypted.port(), UnavailableException.class, "rediss://");
      refused(url, ConfigurationException.class, "cannot be spoken to with TLS", "?cacert=");
      refused(
          "rediss://127.0.0.1:" + server.port(), UnavailableException.class, "does it speak TLS?");
      try (Servers wire = Servers.open(url + "?cacert=" + certificate.certificate(), TIMEOUT)) {
        get(wire.script(INCREMENT, keys("x"), List.of(), Durability.MEMORY));
      }
    }
  }

  private static void refused(String url, Class<?> kind, String... words) {
    Throwable failure = catchThrowable(() -> Servers.open(url, SHORT).close());
    assertThat(failure)
        .isInstanceOf(kind)
        .hasMessageContainingAll(words)
        .hasMessageNotContaining("geheim")
        .hasMessageNotContaining("\n");
    String host =
        url.substring(url.lastIndexOf('@') < 0 ? url.indexOf("://") + 3 : url.lastIndexOf('@') + 1);
    assertThat(failure).hasMessageContaining(host.split("[/#?]")[0]);
  }
}
