package io.headpond.testkit;

import io.headpond.spi.SystemOfRecordFactory;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletionStage;

/** The database in memory keeps the contract of leases that pass. */
class FakeSharedRecordTest extends SharedRecordContractTest {
  private final ManualEnvironment environment = new ManualEnvironment();
  private final Map<String, FakeDatabase> databases = new HashMap<>();

  @Override
  protected SystemOfRecordFactory factory(String dataset) {
    return databases.computeIfAbsent(dataset, name -> new FakeDatabase(environment));
  }

  @Override
  protected void pass(Duration time) {
    environment.advance(time);
  }

  @Override
  protected <T> T get(CompletionStage<T> stage) {
    return environment.await(stage);
  }
}
