package io.headpond.jdbc;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.headpond.UnavailableException;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.junit.jupiter.api.Test;

class HungConnectionTest {
  /** Connections are taken by the system, and nobody answers. */
  @Test
  void aDatabaseThatDoesNotAnswerIsNamedAndNotThePool() throws Exception {
    try (ServerSocket silent = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        JdbcDatabase database =
            JdbcDatabase.postgres("jdbc:postgresql://127.0.0.1:" + silent.getLocalPort() + "/x")
                .open()) {
      Throwable failure =
          catchThrowable(() -> database.reads().run(connection -> "connected").join());
      assertThat(failure)
          .hasCauseInstanceOf(UnavailableException.class)
          .hasMessageContaining("the database did not answer to a connection attempt within 3 s")
          .hasMessageNotContaining("total=");
    }
  }
}
