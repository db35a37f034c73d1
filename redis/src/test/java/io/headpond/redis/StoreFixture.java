package io.headpond.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.redis.servers.TestServer;
import io.headpond.testkit.ManualEnvironment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** A store on a real server whose scripts go by manual time. A test has a prefix of its own. */
final class StoreFixture {
  private static final AtomicInteger TESTS = new AtomicInteger();

  /**
   * The time to live of what is there goes on while a test runs. So what manual time has left of it is kept apart from the server's: longer by this than the store ever
   * gives.
   */
  private static final long APART = Duration.ofDays(1_000).toMillis();

  private static final String AGE =
      """
      for _, key in ipairs(redis.call('KEYS', ARGV[1] .. '*')) do
        local left = redis.call('PTTL', key)
        if left > 0 then
          local apart = tonumber(ARGV[3])
          if left > apart / 2 then left = left - apart end
          left = math.ceil(left / 1000) * 1000 - tonumber(ARGV[2])
          if left > 0 then redis.call('PEXPIRE', key, string.format('%.0f', left + apart)) else redis.call('DEL', key) end
        end
      end
      """;

  final String prefix = "test" + TESTS.incrementAndGet();
  private final Target target;
  private final RedisStore.Factory factory;

  StoreFixture(Target target) {
    this.target = target;
    this.factory = new RedisStore.Factory(target.connections(), prefix, true);
  }

  /** The server of the first partition. */
  TestServer server() {
    return target.serverOf(prefix + ":{things:0}");
  }

  Wire wire() {
    return target.connections().wire();
  }

  void empty() {
    target.masters().forEach(master -> master.call("FLUSHALL"));
  }

  /** The server is another process afterwards, and has all that it had. */
  void restart(ManualEnvironment environment) {
    TestServer server = server();
    server.stop();
    server.start();
    awaitConnection(environment);
  }

  RedisStore.Factory factory() {
    return factory;
  }

  /** Lets manual time pass, also for what is in the server. */
  void advance(ManualEnvironment environment, Duration duration) {
    environment.advance(duration);
    for (TestServer master : target.masters()) {
      master.call(
          "EVAL", AGE, "0", prefix, Long.toString(duration.toMillis()), Long.toString(APART));
    }
  }

  /** Waits until calls reach the server again, and it keeps what it kept. */
  private void awaitConnection(ManualEnvironment environment) {
    until(
        environment,
        () -> {
          try {
            await(environment, wire().get(List.of(new Keys(prefix, "things").entries(0))));
            ((Servers) wire()).check();
            return wire().levels().contains(Durability.DISK);
          } catch (HeadpondException e) {
            return false;
          }
        });
  }

  /** Runs tasks until something holds that an answer or a message of the server brings about. */
  static void until(ManualEnvironment environment, BooleanSupplier holds) {
    for (int i = 0; i < 60_000 && !holds.getAsBoolean(); i++) {
      environment.run();
      LockSupport.parkNanos(1_000_000);
    }
    assertThat(holds.getAsBoolean()).as("within a minute").isTrue();
  }

  /** Waits for answers of the server, and runs the tasks that they make ready. */
  static <T extends @Nullable Object> T await(
      ManualEnvironment environment, CompletionStage<T> stage) {
    CompletableFuture<T> future = stage.toCompletableFuture();
    try {
      for (int i = 0; i < 60_000 && !future.isDone(); i++) {
        environment.run();
        try {
          return future.get(1, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
          // Perhaps there is something to run now.
        }
      }
      assertThat(future).as("answered within a minute").isDone();
      return future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException cause) {
        throw cause;
      }
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
