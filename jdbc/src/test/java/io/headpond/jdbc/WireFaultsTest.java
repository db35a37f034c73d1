package io.headpond.jdbc;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.CacheListener;
import io.headpond.CacheStatus.Health;
import io.headpond.ColumnType;
import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import io.headpond.postgres.testing.TestPostgres;
import io.headpond.testkit.FaultProxy;
import io.headpond.testkit.FaultProxy.Cut;
import io.headpond.testkit.FaultProxy.Way;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.postgresql.ds.PGSimpleDataSource;

/** A network that breaks under writes, between the engine and PostgreSQL: nothing is lost, nothing is parked, and it comes back by itself. */
@Timeout(120)
class WireFaultsTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final AtomicInteger count = new AtomicInteger();
  private static final int KEYS = 50;
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("n", ColumnType.BIGINT).build();

  /** What breaks, and how it is felt. */
  enum Fault {
    DELAY(proxy -> proxy.delay(Duration.ofMillis(20)), Felt.AS_SLOWNESS),
    THROTTLE(proxy -> proxy.throttle(50_000), Felt.AS_SLOWNESS),
    BLACK_HOLE(FaultProxy::blackHole, Felt.AS_OUTAGE),
    REFUSED(FaultProxy::refuse, Felt.AS_OUTAGE),
    RESET(FaultProxy::reset, Felt.AS_A_CUT),
    FINISHED(FaultProxy::finish, Felt.AS_A_CUT),
    NO_MORE_REQUESTS(proxy -> proxy.halfClose(Way.REQUESTS), Felt.AS_A_CUT),
    NO_MORE_ANSWERS(proxy -> proxy.halfClose(Way.ANSWERS), Felt.AS_A_CUT);

    private final Consumer<FaultProxy> strike;
    private final Felt felt;

    Fault(Consumer<FaultProxy> strike, Felt felt) {
      this.strike = strike;
      this.felt = felt;
    }
  }

  private enum Felt {
    AS_SLOWNESS,
    AS_OUTAGE,
    AS_A_CUT
  }

  @TempDir Path folder;

  private final BlockingQueue<CacheListener.Flush> flushes = new LinkedBlockingQueue<>();
  private final AtomicLongArray acknowledged = new AtomicLongArray(KEYS);
  private volatile boolean stop;
  private FaultProxy proxy;
  private WriteBehindCache<Key, Row> cache;
  private Thread writer;
  private String table;

  @BeforeEach
  void begin() throws IOException {
    table = "w" + count.incrementAndGet();
    DB.execute(
        "CREATE TABLE " + table + " (id bigint PRIMARY KEY, n bigint, version bigint)",
        "CREATE TABLE " + table + "_log (seq bigserial, id bigint, version bigint)",
        "CREATE FUNCTION "
            + table
            + "_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO "
            + table
            + "_log (id, version) VALUES (NEW.id, NEW.version); RETURN NEW; END'",
        "CREATE TRIGGER l AFTER INSERT OR UPDATE ON "
            + table
            + " FOR EACH ROW EXECUTE FUNCTION "
            + table
            + "_f()");
    proxy = new FaultProxy(TestPostgres.server().port());
    PGSimpleDataSource source = new PGSimpleDataSource();
    source.setUrl(DB.url);
    source.setServerNames(new String[] {"localhost"});
    source.setPortNumbers(new int[] {proxy.port()});
    source.setLoginTimeout(2);
    cache =
        WriteBehindCache.builder(TYPE)
            .name(table)
            .partitions(2)
            .linger(Duration.ofMillis(5))
            .maxRetries(0)
            .retryDelay(Duration.ofMillis(50))
            .store(JournalStore.in(folder))
            .systemOfRecord(
                JdbcDatabase.postgres(source)
                    .leaseTtl(Duration.ofSeconds(3))
                    .table(table)
                    .versionColumn("version"))
            .listener(
                new CacheListener() {
                  @Override
                  public void flushed(Flush event) {
                    flushes.add(event);
                  }
                })
            .build();
    writer = new Thread(this::write, "writer");
    writer.start();
    awaitMoreApplied();
  }

  @AfterEach
  void end() throws Exception {
    stop = true;
    writer.join();
    proxy.heal();
    cache.close();
    proxy.close();
  }

  private void write() {
    for (long n = 1; !stop; n++) {
      int id = (int) (n % KEYS);
      cache.put(TYPE.key((long) id), TYPE.rowOf(n), Durability.JOURNAL);
      acknowledged.set(id, n);
    }
  }

  /** Looks at every flush, done or failed, until it is so. */
  private void await(BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      try {
        assertThat(flushes.poll(60, TimeUnit.SECONDS)).as("a flush, done or failed").isNotNull();
      } catch (InterruptedException e) {
        throw new AssertionError(e);
      }
    }
  }

  private void awaitMoreApplied() {
    long before = cache.status().counters().applied();
    await(() -> cache.status().counters().applied() > before);
  }

  @ParameterizedTest
  @EnumSource
  void nothingIsLostNothingIsParkedAndItComesBackByItself(Fault fault) throws Exception {
    long writes = cache.status().counters().writes();
    switch (fault.felt) {
      case AS_SLOWNESS -> {
        fault.strike.accept(proxy);
        awaitMoreApplied();
      }
      case AS_OUTAGE -> {
        fault.strike.accept(proxy);
        await(() -> cache.status().health() == Health.DEGRADED);
        assertThat(cache.get(TYPE.key(1L))).as("what was written is still read").isNotNull();
      }
      case AS_A_CUT -> {
        for (int i = 0; i < 5; i++) {
          fault.strike.accept(proxy);
          awaitMoreApplied();
        }
      }
    }
    // Writes go on meanwhile; the writer may not have had its turn yet.
    await(() -> cache.status().counters().writes() > writes);
    proxy.heal();
    awaitMoreApplied();
    assertAllArrivesOnce();
  }

  @Test
  void aCommitWhoseAnswerIsLostCountsOnce() throws Exception {
    for (int i = 0; i < 5; i++) {
      proxy.cutAt(Cut.ANSWER, "COMMIT\0");
      long failed = cache.status().counters().failedBatches();
      await(() -> cache.status().counters().failedBatches() > failed);
      awaitMoreApplied();
    }
    assertAllArrivesOnce();
  }

  private void assertAllArrivesOnce() throws InterruptedException {
    stop = true;
    writer.join();
    // A partition may have nothing pending, and yet have to find out that the fault is over.
    await(() -> cache.status().pendingEntries() == 0 && cache.status().health() == Health.UP);
    assertThat(cache.status().parked()).isZero();
    for (int id = 0; id < KEYS; id++) {
      assertThat(DB.query("SELECT n FROM " + table + " WHERE id = " + id))
          .containsExactly(Long.toString(acknowledged.get(id)));
    }
    assertThat(
            DB.query(
                "SELECT id || ' ' || version FROM "
                    + table
                    + "_log GROUP BY id, version HAVING count(*) > 1"))
        .as("applied more than once")
        .isEmpty();
    assertThat(
            DB.query(
                "SELECT id FROM (SELECT id, version, lag(version) OVER (PARTITION BY id ORDER BY seq)"
                    + " AS before FROM "
                    + table
                    + "_log) AS l WHERE version <= before"))
        .as("went back")
        .isEmpty();
  }
}
