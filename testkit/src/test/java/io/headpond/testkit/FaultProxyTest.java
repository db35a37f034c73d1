package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.testkit.FaultProxy.Cut;
import io.headpond.testkit.FaultProxy.Way;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What the proxy does to a connection, seen from both ends. */
@Timeout(60)
class FaultProxyTest {
  private ServerSocket listener;
  private FaultProxy proxy;
  private final BlockingQueue<Socket> accepted = new LinkedBlockingQueue<>();
  private Socket client;
  private Socket server;

  @BeforeEach
  void connect() throws Exception {
    listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    proxy = new FaultProxy(listener.getLocalPort());
    Thread accepting =
        new Thread(
            () -> {
              try {
                while (true) {
                  accepted.add(listener.accept());
                }
              } catch (IOException e) {
                // The test is over.
              }
            });
    accepting.setDaemon(true);
    accepting.start();
    reconnect();
  }

  private void reconnect() throws Exception {
    client = open();
    server = accepted();
    assertPasses();
  }

  @AfterEach
  void close() throws IOException {
    proxy.close();
    listener.close();
    assertThat(Thread.getAllStackTraces().keySet())
        .noneMatch(thread -> thread.getName().startsWith("proxy-"));
    client.close();
    server.close();
  }

  private Socket open() throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), proxy.port());
    socket.setSoTimeout(20_000);
    return socket;
  }

  private Socket accepted() throws Exception {
    Socket socket = accepted.poll(20, TimeUnit.SECONDS);
    socket.setSoTimeout(20_000);
    return socket;
  }

  private static void send(Socket socket, String text) throws IOException {
    socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  private static String receive(Socket socket, int bytes) throws IOException {
    return new String(socket.getInputStream().readNBytes(bytes), StandardCharsets.ISO_8859_1);
  }

  private void assertPasses() throws IOException {
    send(client, "question");
    assertThat(receive(server, 8)).isEqualTo("question");
    send(server, "answer");
    assertThat(receive(client, 6)).isEqualTo("answer");
  }

  private static void assertNothing(Socket socket) throws IOException {
    socket.setSoTimeout(100);
    assertThatThrownBy(() -> socket.getInputStream().read())
        .isInstanceOf(SocketTimeoutException.class);
    socket.setSoTimeout(20_000);
  }

  @Test
  void passesWhatIsSentAndTheEnd() throws IOException {
    assertPasses();
    client.shutdownOutput();
    assertThat(server.getInputStream().read()).isEqualTo(-1);
    send(server, "late");
    assertThat(receive(client, 4)).isEqualTo("late");
    server.close();
    assertThat(client.getInputStream().read()).isEqualTo(-1);
  }

  @Test
  void aDelayHoldsBackWhatIsSentUntilItIsHealed() throws IOException {
    proxy.delay(Duration.ofHours(1));
    send(client, "question");
    assertNothing(server);
    proxy.heal();
    assertThat(receive(server, 8)).isEqualTo("question");
    proxy.delay(Duration.ofMillis(5));
    assertPasses();
  }

  @Test
  void aThrottledConnectionTakesItsTime() throws IOException {
    proxy.throttle(100);
    long began = System.nanoTime();
    send(client, "x".repeat(20));
    assertThat(receive(server, 20)).hasSize(20);
    assertThat(System.nanoTime() - began).isGreaterThan(100_000_000);
    proxy.heal();
    assertPasses();
  }

  @Test
  void aBlackHoleSwallowsAndIsOpenAndIsResetWhenItIsHealed() throws Exception {
    proxy.blackHole();
    send(client, "question");
    assertNothing(server);
    Socket another = open();
    Socket atServer = accepted();
    another.close();
    assertNothing(atServer);
    proxy.heal();
    assertThatThrownBy(() -> server.getInputStream().read()).isInstanceOf(SocketException.class);
    assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketException.class);
    assertThatThrownBy(() -> atServer.getInputStream().read()).isInstanceOf(SocketException.class);
    reconnect();
  }

  @Test
  void aBlackHoleThatSwallowedNothingOfAConnectionLeavesItWhole() throws IOException {
    proxy.blackHole();
    proxy.heal();
    assertPasses();
  }

  /** Bytes that are lost without a word would be a fault that no network has. */
  @Test
  void whatIsHealedWhileBytesFlowLosesThemOnlyWithTheConnection() throws Exception {
    for (int round = 0; round < 200; round++) {
      proxy.blackHole();
      send(client, "lost");
      Thread.onSpinWait();
      proxy.heal();
      try {
        send(client, "kept");
        client.shutdownOutput();
        String all = new String(server.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(all).as("in round %d", round).isEqualTo("lostkept");
      } catch (SocketException e) {
        // Something was lost, and so is the connection.
      }
      reconnect();
    }
  }

  @Test
  void aResetIsAnErrorAtBothEndsAndAFinishIsTheEnd() throws Exception {
    proxy.reset();
    assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketException.class);
    assertThatThrownBy(() -> server.getInputStream().read()).isInstanceOf(SocketException.class);
    reconnect();
    proxy.finish();
    assertThat(client.getInputStream().read()).isEqualTo(-1);
    assertThat(server.getInputStream().read()).isEqualTo(-1);
    assertThat(proxy.connections()).isZero();
  }

  @Test
  void aHalfClosedConnectionStillGoesTheOtherWay() throws Exception {
    proxy.halfClose(Way.ANSWERS);
    assertThat(client.getInputStream().read()).isEqualTo(-1);
    send(client, "question");
    assertThat(receive(server, 8)).isEqualTo("question");
    reconnect();
    proxy.halfClose(Way.REQUESTS);
    assertThat(server.getInputStream().read()).isEqualTo(-1);
    send(server, "answer");
    assertThat(receive(client, 6)).isEqualTo("answer");
  }

  @Test
  void refusesUntilItIsHealed() throws Exception {
    proxy.refuse();
    assertThatThrownBy(() -> client.getInputStream().read()).isInstanceOf(SocketException.class);
    assertThatThrownBy(() -> open().getInputStream().read()).isInstanceOf(SocketException.class);
    proxy.heal();
    reconnect();
  }

  @Test
  void aServerThatIsNotThereIsNotTheEndOfTheProxy() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      port = free.getLocalPort();
    }
    try (FaultProxy early = new FaultProxy(port);
        Socket refused = new Socket(InetAddress.getLoopbackAddress(), early.port())) {
      refused.setSoTimeout(20_000);
      assertThatThrownBy(() -> refused.getInputStream().read()).isInstanceOf(SocketException.class);
      try (ServerSocket late = new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
          Socket taken = new Socket(InetAddress.getLoopbackAddress(), early.port());
          Socket atServer = late.accept()) {
        send(taken, "question");
        assertThat(receive(atServer, 8)).isEqualTo("question");
      }
    }
  }

  @Test
  void cutsAtTheWord() throws Exception {
    proxy.cutAt(Cut.ANSWER, "done");
    assertPasses();
    send(server, "it is done");
    assertThat(client.getInputStream().read()).isEqualTo(-1);
    reconnect();
    proxy.cutAt(Cut.REQUEST, "go");
    send(client, "go on");
    assertThat(server.getInputStream().read()).isEqualTo(-1);
  }

  @Test
  void aGhostWaitsForWhatWasHeldBack() throws Exception {
    proxy.cutAt(Cut.REQUEST_LEAVING_A_GHOST, "go");
    send(client, "go on");
    assertThat(client.getInputStream().read()).isEqualTo(-1);
    assertNothing(server);
    proxy.deliverToGhost();
    assertThat(receive(server, 5)).isEqualTo("go on");
  }
}
