package io.headpond.redis;

import io.headpond.spi.HotStoreFactory;
import io.headpond.testkit.SharedStoreContractTest;
import java.time.Duration;
import java.util.concurrent.CompletionStage;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/** The contract of shared hot stores on real servers. */
abstract class StoreContract extends SharedStoreContractTest {
  private final StoreFixture fixture;

  StoreContract(Target target) {
    fixture = new StoreFixture(target);
  }

  @Override
  protected HotStoreFactory factory() {
    return fixture.factory();
  }

  /** The store outlives the process. */
  @Override
  protected void crash() {}

  @Override
  protected void restart() {
    fixture.restart(environment);
  }

  @Override
  protected void empty() {
    fixture.empty();
  }

  @Override
  protected void until(BooleanSupplier heard) {
    StoreFixture.until(environment, heard);
  }

  @Override
  protected void advance(Duration duration) {
    fixture.advance(environment, duration);
  }

  @Override
  protected <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return StoreFixture.await(environment, stage);
  }
}
