package io.headpond.jdbc;

import io.headpond.spi.SystemOfRecordFactory;
import io.headpond.testkit.SharedRecordContractTest;
import java.time.Duration;

class PostgresSharedContractTest extends SharedRecordContractTest {
  private static final TestDatabase DB = TestDatabase.create();

  @Override
  protected SystemOfRecordFactory factory(String dataset) {
    return DB.table(dataset).versionColumn("version").createTable(true);
  }

  @Override
  protected void pass(Duration time) {
    String earlier = " - interval '" + time.toMillis() + " milliseconds'";
    DB.execute(
        "UPDATE headpond_lease SET expires_at = expires_at" + earlier,
        "UPDATE headpond_worker SET expires_at = expires_at" + earlier,
        "UPDATE headpond_tombstone SET removed_at = removed_at" + earlier);
  }
}
