package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import io.headpond.ColumnType;
import io.headpond.ErrorClass;
import io.headpond.OutcomeUnknownException;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.postgres.testing.TestPostgres;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.BatchFailedException;
import io.headpond.spi.FencedException;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import io.headpond.testkit.FaultProxy;
import io.headpond.testkit.FaultProxy.Cut;
import java.io.IOException;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.postgresql.ds.PGSimpleDataSource;
import org.slf4j.LoggerFactory;

/** Connections that are cut at every step of a batch. */
class LostConnectionTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final AtomicInteger count = new AtomicInteger();
  private static final StoreId STORE = new StoreId(new UUID(1, 1), "journal /a");
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("name", ColumnType.TEXT).build();

  private FaultProxy proxy;
  private String table;
  private SystemOfRecord database;
  private Lease lease;

  private final Batch batch =
      new Batch(4711, List.of(new Mutation.Put(TYPE.key(1L), TYPE.rowOf("a"), 10, 1)), 1_000_000);

  @BeforeEach
  void connect() throws IOException {
    table = "l" + count.incrementAndGet();
    DB.execute("CREATE TABLE " + table + " (id bigint PRIMARY KEY, name text, version bigint)");
    proxy = new FaultProxy(TestPostgres.server().port());
    PGSimpleDataSource source = new PGSimpleDataSource();
    source.setUrl(DB.url);
    source.setServerNames(new String[] {"localhost"});
    source.setPortNumbers(new int[] {proxy.port()});
    // So that every statement goes by as text.
    source.setPrepareThreshold(0);
    database =
        JdbcDatabase.postgres(source)
            .connections(2)
            .table(table)
            .versionColumn("version")
            .connect("d" + table, TYPE);
    get(database.bind(STORE, 1, false));
    lease = get(database.acquire(STORE, 0));
  }

  @AfterEach
  void close() throws IOException {
    database.close();
    proxy.close();
  }

  private String rows() {
    return String.join(",", DB.query("SELECT name FROM " + table));
  }

  private void assertAppliesAgain(Lease with) {
    assertThat(get(database.apply(batch, with)).outcomes()).containsExactly(new Applied.Done());
    assertThat(rows()).isEqualTo("a");
  }

  @Test
  void closingIsNoReasonToWarn() {
    ListAppender<ILoggingEvent> told = new ListAppender<>();
    told.start();
    Logger pool = (Logger) LoggerFactory.getLogger("com.zaxxer.hikari");
    Level before = pool.getLevel();
    pool.setLevel(Level.WARN);
    pool.addAppender(told);
    try {
      get(database.load(List.of(TYPE.key(1L))));
      database.close();
    } finally {
      pool.detachAppender(told);
      pool.setLevel(before);
    }
    assertThat(told.list).noneMatch(event -> event.getLevel().isGreaterOrEqual(Level.WARN));
  }

  @Test
  void commitReplyLost() {
    proxy.cutAt(Cut.ANSWER, "COMMIT\0");
    assertThatThrownBy(() -> get(database.apply(batch, lease)))
        .isInstanceOf(OutcomeUnknownException.class);
    assertThat(rows()).isEqualTo("a");
    Lease next = get(database.acquire(STORE, 0));
    assertThat(next.lastBatch()).as("so it is known to be committed").isEqualTo(batch.id());
    assertThat(next.frontier()).isEqualTo(batch.frontier());
    assertAppliesAgain(next);
  }

  @Test
  void commitRequestLost() {
    proxy.cutAt(Cut.REQUEST, "COMMIT\0");
    assertThatThrownBy(() -> get(database.apply(batch, lease)))
        .isInstanceOf(OutcomeUnknownException.class);
    Lease next = get(database.acquire(STORE, 0));
    assertThat(next.lastBatch()).isZero();
    assertThat(rows()).isEmpty();
    assertAppliesAgain(next);
  }

  @Test
  void afterAnUnknownOutcomeTheLeaseIsAcquiredFirst() {
    proxy.cutAt(Cut.ANSWER, "COMMIT\0");
    assertThatThrownBy(() -> get(database.apply(batch, lease)))
        .isInstanceOf(OutcomeUnknownException.class);
    assertThatThrownBy(() -> get(database.apply(batch, lease)))
        .isInstanceOf(OutcomeUnknownException.class)
        .hasMessageContaining("acquire the lease anew");
  }

  /** Who sends smaller batches can tell a row that costs the connection from a server that is away. */
  @Test
  void connectionLostBeforeTheCommit() {
    proxy.cutAt(Cut.REQUEST, "headpond_lease");
    assertThatThrownBy(() -> get(database.apply(batch, lease)))
        .isInstanceOf(UnavailableException.class)
        .isNotInstanceOf(FencedException.class)
        .isNotInstanceOf(BatchFailedException.class);
    assertThat(rows()).isEmpty();
    proxy.cutAt(Cut.REQUEST, "INSERT INTO");
    assertThatThrownBy(() -> get(database.apply(batch, lease)))
        .isInstanceOfSatisfying(
            BatchFailedException.class,
            failed -> assertThat(failed.error().errorClass()).isEqualTo(ErrorClass.CONNECTION));
    assertThat(rows()).isEmpty();
    // Nothing was done, so the lease is as it was.
    assertAppliesAgain(lease);
  }

  /** The commit of a connection that the client believes dead arrives while it takes its lease anew. */
  @Test
  void aGhostThatCommitsIsWaitedOut() throws IOException {
    proxy.cutAt(Cut.REQUEST_LEAVING_A_GHOST, "COMMIT\0");
    assertThatThrownBy(() -> get(database.apply(batch, lease)))
        .isInstanceOf(OutcomeUnknownException.class);
    CompletableFuture<Lease> acquired = database.acquire(STORE, 0).toCompletableFuture();
    assertThat(acquired)
        .failsWithin(Duration.ofMillis(300))
        .withThrowableOfType(TimeoutException.class);
    assertThat(rows()).as("not committed yet").isEmpty();
    proxy.deliverToGhost();
    Lease next = get(acquired);
    assertThat(next.lastBatch()).isEqualTo(batch.id());
    assertAppliesAgain(next);
  }

  @Test
  void acquireReplyLost() {
    proxy.cutAt(Cut.ANSWER, "COMMIT\0");
    assertThatThrownBy(() -> get(database.acquire(STORE, 0)))
        .isInstanceOf(OutcomeUnknownException.class);
    Lease next = get(database.acquire(STORE, 0));
    assertThat(next.epoch()).isEqualTo(lease.epoch() + 2);
    assertAppliesAgain(next);
  }

  @Test
  void bindReplyLost() {
    proxy.cutAt(Cut.ANSWER, "COMMIT\0");
    assertThatThrownBy(() -> get(database.bind(STORE, 1, false)))
        .isInstanceOf(OutcomeUnknownException.class);
    assertThat(get(database.bind(STORE, 1, false))).isTrue();
  }

  @Test
  void loadCutShort() {
    assertAppliesAgain(lease);
    proxy.cutAt(Cut.REQUEST, "ORDINALITY");
    assertThatThrownBy(() -> get(database.load(List.of(TYPE.key(1L)))))
        .isInstanceOf(UnavailableException.class);
    assertThat(get(database.load(List.of(TYPE.key(1L)))).get(0).version()).isEqualTo(10);
  }

  @Test
  void operatorsEndingSessions() throws SQLException {
    connectBoth();
    assertAppliesAgain(lease);
    DB.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            + " WHERE datname = current_database() AND pid <> pg_backend_pid()");
    int failures = 0;
    while (true) {
      try {
        assertAppliesAgain(lease);
        break;
      } catch (UnavailableException e) {
        assertThat(++failures).as("the other connections go with the first").isEqualTo(1);
      }
    }
  }

  /** Both connections are in use at once, so that both are there. */
  private void connectBoth() throws SQLException {
    try (Connection person = DB.connection();
        Statement statement = person.createStatement()) {
      person.setAutoCommit(false);
      statement.execute("SELECT * FROM headpond_dataset FOR UPDATE");
      List<CompletionStage<Boolean>> both =
          List.of(database.bind(STORE, 1, false), database.bind(STORE, 1, false));
      TestDatabase.awaitBlocked(DB, 2);
      person.rollback();
      both.forEach(TestDatabase::get);
    }
  }
}
