package io.headpond.redis;

import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestServer;
import io.headpond.spi.HotStoreFactory;
import io.headpond.testkit.HotStoreContractTest;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The store keeps the contract of hot stores on a real Redis. */
class RedisStoreContractTest extends HotStoreContractTest {
  private static @Nullable TestServer server;
  private static @Nullable Connections connections;

  private final StoreFixture fixture = new StoreFixture(server, connections);

  @BeforeAll
  static void start() {
    server =
        TestServer.start(ServerBinary.REDIS_6_2, "--appendonly", "yes", "--appendfsync", "always");
    String url = server.url();
    connections = new Connections(() -> Servers.open(url, Servers.TIMEOUT));
  }

  @AfterAll
  static void stop() {
    connections.close();
    server.close();
  }

  @Override
  protected HotStoreFactory factory() {
    return fixture.factory();
  }

  /** The store outlives the process. */
  @Override
  protected void crash() {}

  @Override
  protected void advance(Duration duration) {
    fixture.advance(environment, duration);
  }

  @Override
  protected <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return StoreFixture.await(environment, stage);
  }
}
