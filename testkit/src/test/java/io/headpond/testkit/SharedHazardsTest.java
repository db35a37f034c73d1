package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.key;
import static io.headpond.testkit.EngineFixture.row;
import static io.headpond.testkit.SharedFixture.LEASE;
import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.OutcomeUnknownException;
import io.headpond.Receipt;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import io.headpond.spi.SystemOfRecordFactory;
import io.headpond.testkit.SharedFixture.Node;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Histories of several processes that stop, die and forget at the worst of moments. */
@Timeout(60)
class SharedHazardsTest {
  private final SharedFixture t = new SharedFixture();

  @AfterEach
  void nothingLostNothingBack() {
    t.database.setAway(false);
    t.model.setAway(false);
    assertThat(t.violations()).isEmpty();
  }

  /** The lease that it was given passes on before it hears of it, and the store has the next owner's frontier by then. */
  @Test
  void aWorkerThatStoodStillOverAnAcquisitionDoesNotTakeThatForADatabaseThatWentBack() {
    t.partitions = 1;
    Node one = t.worker("one");
    AtomicReference<ManualProcess> stops = new AtomicReference<>();
    Node late = t.open("late", builder -> builder.systemOfRecord(stoppingAtAcquisition(stops)));
    stops.set(late.process);
    one.kill();
    t.pass(LEASE.multipliedBy(2));
    assertThat(stops).hasValue(null);
    Node three = t.worker("three");
    t.pass(LEASE.multipliedBy(3));
    assertThat(three.partitions()).containsExactly(0);
    three.put(1, "a");
    t.pass(Duration.ofSeconds(20));
    late.process.goOn();
    t.pass(LEASE);
    assertThat(late.cache().status().reasons()).isEmpty();
  }

  private SystemOfRecordFactory stoppingAtAcquisition(AtomicReference<ManualProcess> stops) {
    return new SystemOfRecordFactory() {
      @Override
      public SystemOfRecord connect(String dataset, RowType declared) {
        ManualProcess process = t.nodes.get(t.nodes.size() - 1).process;
        SystemOfRecord real = process.to(t.database).connect(dataset, declared);
        return (SystemOfRecord)
            Proxy.newProxyInstance(
                SystemOfRecord.class.getClassLoader(),
                new Class<?>[] {SystemOfRecord.class},
                (proxy, method, arguments) -> {
                  Object answer = method.invoke(real, arguments);
                  ManualProcess stop = stops.get();
                  if (method.getName().equals("acquire") && stop != null) {
                    stops.set(null);
                    stop.standStill();
                  }
                  return answer;
                });
      }

      @Override
      public SystemOfRecord resume(String dataset, RowType declared, byte[] mapping) {
        throw new UnsupportedOperationException();
      }
    };
  }

  @Test
  void aPartitionThatTheWorkerInWhoseShareItIsCannotTakeIsTakenByAnother() {
    t.partitions = 2;
    Node bad = t.open("bad", builder -> builder.systemOfRecord(neverAcquiring()));
    Node good = t.worker("good");
    t.pass(LEASE.multipliedBy(5));
    assertThat(good.partitions()).containsExactly(0, 1);
    t.pass(LEASE.multipliedBy(5));
    assertThat(good.partitions()).containsExactly(0, 1);
    bad.kill();
    good.put(1, "a");
    good.put(2, "b");
    t.linger();
    assertThat(t.database.rows()).hasSize(2);
  }

  private SystemOfRecordFactory neverAcquiring() {
    return new SystemOfRecordFactory() {
      @Override
      public SystemOfRecord connect(String dataset, RowType declared) {
        ManualProcess process = t.nodes.get(t.nodes.size() - 1).process;
        SystemOfRecord real = process.to(t.database).connect(dataset, declared);
        return (SystemOfRecord)
            Proxy.newProxyInstance(
                SystemOfRecord.class.getClassLoader(),
                new Class<?>[] {SystemOfRecord.class},
                (proxy, method, arguments) ->
                    method.getName().equals("acquire")
                        ? CompletableFuture.failedFuture(new UnavailableException("no way"))
                        : method.invoke(real, arguments));
      }

      @Override
      public SystemOfRecord resume(String dataset, RowType declared, byte[] mapping) {
        throw new UnsupportedOperationException();
      }
    };
  }

  @Test
  void aWorkerThatWritesNothingAnyMoreLeavesItsShareToOthers() {
    Node one = t.worker("one");
    Runnable back = t.database.savePoint();
    t.pass(Duration.ofSeconds(15));
    back.run();
    t.pass(LEASE);
    assertThat(one.cache().status().reasons()).anyMatch(why -> why.contains("the database lost"));
    assertThat(t.environment.await(one.cache().workersAsync()).workers()).isEmpty();
  }

  /** A batch that an owner before had taken may have been committed: whoever has the lease now does not know. */
  @Test
  void aWriteThatAFormerOwnerMayHaveCommittedIsNotSaidToBeTakenBack() {
    t.partitions = 1;
    t.database.setLeaseTtl(Duration.ofSeconds(12));
    Node one = t.worker("one");
    Node two = t.worker("two");
    t.environment.await(two.put(1, "old"));
    t.linger();
    assertThat(two.get(1)).isEqualTo("old");
    t.database.holdReplies();
    CompletableFuture<Receipt> put = two.put(1, "new", Durability.DATABASE);
    t.environment.run();
    assertThat(t.database.row(key(1)).value()).isEqualTo(row("new"));
    one.kill();
    t.database.detachHeld();
    t.pass(Duration.ofSeconds(8));
    t.database.retryNext();
    for (int i = 0; i < 100 && two.partitions().isEmpty(); i++) {
      t.pass(Duration.ofMillis(100));
    }
    t.database.setAway(true);
    t.pass(Duration.ofSeconds(25));
    assertThat(put).isDone();
    if (put.isCompletedExceptionally()) {
      assertThat(failure(put)).isInstanceOf(OutcomeUnknownException.class);
    }
  }

  @Test
  void aReceiptOfAWriteThatTheStoreHasForgottenIsNotSaidToBeInTheDatabase() {
    t.worker("worker");
    Node api = t.api("api");
    t.database.setAway(true);
    CompletableFuture<Void> settled =
        t.environment.await(api.put(1, "a", Durability.MEMORY)).settled();
    t.pass(Duration.ofSeconds(2));
    t.model.empty();
    t.checker.powerLost();
    t.pass(Duration.ofSeconds(2));
    t.database.setAway(false);
    t.pass(Duration.ofSeconds(40));
    assertThat(t.database.rows()).isEmpty();
    assertThat(failure(settled)).isInstanceOf(HeadpondException.class);
  }

  @Test
  void aStoreWhoseTableBelongsToAnotherOneTakesNoMoreWrites() {
    t.worker("worker");
    Node api = t.api("api");
    var other =
        new ManualProcess(t.environment)
            .to(t.database)
            .connect("t", EngineFixture.TYPE)
            .bind(new StoreId(new UUID(1, 2), "another", true), t.partitions, true);
    t.environment.run();
    assertThat(other.toCompletableFuture()).isCompleted();
    t.pass(LEASE);
    CompletableFuture<Receipt> put = api.put(1, "a");
    t.environment.run();
    assertThat(failure(put)).isInstanceOf(UnavailableException.class);
  }

  private static Throwable failure(CompletableFuture<?> future) {
    assertThat(future).isCompletedExceptionally();
    try {
      future.join();
      throw new AssertionError();
    } catch (CompletionException e) {
      return e.getCause();
    }
  }
}
