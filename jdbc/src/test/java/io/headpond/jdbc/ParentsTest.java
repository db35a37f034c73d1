package io.headpond.jdbc;

import static io.headpond.jdbc.TestDatabase.get;
import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.DatabaseError;
import io.headpond.ErrorClass;
import io.headpond.RowType;
import io.headpond.spi.Applied;
import io.headpond.spi.Applied.Outcome;
import io.headpond.spi.Batch;
import io.headpond.spi.Lease;
import io.headpond.spi.Mutation;
import io.headpond.spi.StoreId;
import io.headpond.spi.SystemOfRecord;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Orders whose customers are in another dataset, and come later. */
class ParentsTest {
  private static final TestDatabase DB = TestDatabase.create();
  private static final AtomicInteger count = new AtomicInteger();
  private static final StoreId STORE = new StoreId(new UUID(1, 1), "journal /a");
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.BIGINT).column("parent", ColumnType.BIGINT).build();

  private final JdbcDatabase database = JdbcDatabase.postgres(DB.url).open();
  private final List<SystemOfRecord> opened = new ArrayList<>();
  private String name;
  private SystemOfRecord customers;
  private SystemOfRecord orders;
  private Lease ofCustomers;
  private Lease ofOrders;
  private long batches;

  @BeforeEach
  void connect() {
    String number = "" + count.incrementAndGet();
    name = "customers" + number;
    DB.execute(
        "CREATE TABLE " + name + " (id bigint PRIMARY KEY, parent bigint, version bigint)",
        "CREATE TABLE orders"
            + number
            + " (id bigint PRIMARY KEY, parent bigint REFERENCES "
            + name
            + ", version bigint)");
    customers = open(name);
    orders = open("orders" + number);
    ofCustomers = get(customers.acquire(STORE, 0));
    ofOrders = get(orders.acquire(STORE, 0));
  }

  private SystemOfRecord open(String table) {
    SystemOfRecord opening = database.table(table).versionColumn("version").connect(table, TYPE);
    opened.add(opening);
    get(opening.bind(STORE, 1, false));
    return opening;
  }

  @AfterEach
  void close() {
    opened.forEach(SystemOfRecord::close);
    database.close();
  }

  private static Mutation put(long id, @Nullable Long parent, long version) {
    return new Mutation.Put(TYPE.key(id), TYPE.rowOf(parent), version, id);
  }

  private List<Outcome> applyOrders(Mutation... mutations) {
    return get(orders.apply(new Batch(++batches, List.of(mutations), 0), ofOrders)).outcomes();
  }

  private List<Outcome> applyCustomers(long frontier, Mutation... mutations) {
    return get(customers.apply(new Batch(++batches, List.of(mutations), frontier), ofCustomers))
        .outcomes();
  }

  private static void assertUncounted(Outcome outcome) {
    assertThat(outcome)
        .isInstanceOfSatisfying(
            Applied.Retry.class,
            retry ->
                assertThat(retry.error())
                    .returns(ErrorClass.FOREIGN_KEY, DatabaseError::errorClass)
                    .returns("23503", DatabaseError::code));
  }

  private static void assertCounted(Outcome outcome) {
    assertThat(outcome)
        .isInstanceOfSatisfying(
            Applied.Rejected.class,
            rejected ->
                assertThat(rejected.error().errorClass()).isEqualTo(ErrorClass.FOREIGN_KEY));
  }

  @Test
  void anOrderDoesNotCountWhileItsCustomerMayBeOnItsWay() {
    assertUncounted(applyOrders(put(1, 7L, 150)).get(0));
    applyCustomers(100);
    List<Outcome> outcomes = applyOrders(put(1, 7L, 150), put(2, null, 151), put(3, 8L, 99));
    assertUncounted(outcomes.get(0));
    assertThat(outcomes.get(1)).isEqualTo(Applied.Done.INSTANCE);
    assertCounted(outcomes.get(2));
    applyCustomers(150);
    assertCounted(applyOrders(put(1, 7L, 150)).get(0));
    applyCustomers(200, put(7, null, 140));
    assertThat(applyOrders(put(1, 7L, 150))).containsExactly(Applied.Done.INSTANCE);
  }

  /** The children go first; their removal may be on its way too. */
  @Test
  void aCustomerThatIsRemovedDoesNotCountWhileItsOrdersMayBeOnTheirWayOut() {
    applyCustomers(100, put(7, null, 90));
    assertThat(applyOrders(put(1, 7L, 95))).containsExactly(Applied.Done.INSTANCE);
    Mutation remove = new Mutation.Remove(TYPE.key(7L), 150, 7);
    assertUncounted(applyCustomers(100, remove).get(0));
    get(orders.apply(new Batch(++batches, List.of(), 160), ofOrders));
    assertCounted(applyCustomers(100, remove).get(0));
  }

  /** While a partition passes from one worker to another nobody holds it, and its entries still come. */
  @Test
  void aPartitionBetweenTwoWorkersHoldsItsOrdersBack() {
    StoreId shared = new StoreId(new UUID(1, 2), "redis a", true);
    get(customers.bind(shared, 1, true));
    get(customers.crew(shared, "a"));
    ofCustomers = get(customers.acquire(shared, 0));
    applyCustomers(100);
    get(customers.release(ofCustomers));
    assertUncounted(applyOrders(put(1, 7L, 150)).get(0));
    get(customers.leave(shared));
    assertCounted(applyOrders(put(1, 7L, 150)).get(0));
  }

  @Test
  void aDatasetThatIsNoLongerServedHoldsNothingBack() {
    DB.execute(
        "UPDATE headpond_lease SET expires_at = now() - interval '25 hours' WHERE dataset = '"
            + name
            + "'");
    assertCounted(applyOrders(put(1, 7L, 150)).get(0));
    DB.execute(
        "UPDATE headpond_lease SET expires_at = now() - interval '23 hours' WHERE dataset = '"
            + name
            + "'");
    assertUncounted(applyOrders(put(1, 7L, 150)).get(0));
    get(customers.release(ofCustomers));
    assertCounted(applyOrders(put(1, 7L, 150)).get(0));
  }

  @Test
  void aTableThatNoDatasetWritesHoldsNothingBackNorDoesTheTableItself() {
    DB.execute(
        "CREATE SCHEMA s_" + name,
        "CREATE TABLE s_" + name + ".plain (id bigint PRIMARY KEY)",
        "CREATE TABLE tree_"
            + name
            + " (id bigint PRIMARY KEY, parent bigint REFERENCES tree_"
            + name
            + " REFERENCES s_"
            + name
            + ".plain, version bigint)");
    SystemOfRecord tree = open("tree_" + name);
    Lease lease = get(tree.acquire(STORE, 0));
    Batch batch = new Batch(++batches, List.of(put(1, 7L, 150), put(2, null, 151)), 0);
    List<Outcome> outcomes = get(tree.apply(batch, lease)).outcomes();
    assertCounted(outcomes.get(0));
    assertThat(outcomes.get(1)).isEqualTo(Applied.Done.INSTANCE);
    assertThat(DB.query("SELECT id FROM tree_" + name)).containsExactly("2");
  }

  /** A tree whose rows are spread over two partitions. */
  private final class Tree {
    private final String table = "tree_" + name;
    private final SystemOfRecord record;
    private final Lease first;
    private final Lease second;

    private Tree() {
      DB.execute(
          "CREATE TABLE "
              + table
              + " (id bigint PRIMARY KEY, parent bigint REFERENCES "
              + table
              + ", version bigint)");
      record = database.table(table).versionColumn("version").connect(table, TYPE);
      opened.add(record);
      get(record.bind(STORE, 2, false));
      first = get(record.acquire(STORE, 0));
      second = get(record.acquire(STORE, 1));
    }

    private List<Outcome> apply(Lease lease, long frontier, Mutation... mutations) {
      return get(record.apply(new Batch(++batches, List.of(mutations), frontier), lease))
          .outcomes();
    }
  }

  @Test
  void aRowDoesNotCountWhileItsParentInTheSameTableMayBeOnItsWayInAnotherPartition() {
    Tree tree = new Tree();
    assertUncounted(tree.apply(tree.first, 0, put(1, 7L, 150)).get(0));
    tree.apply(tree.second, 140);
    assertUncounted(tree.apply(tree.first, 0, put(1, 7L, 150)).get(0));
    assertCounted(tree.apply(tree.first, 0, put(2, 7L, 139)).get(0));
    assertCounted(tree.apply(tree.second, 0, put(3, 7L, 0)).get(0));
    tree.apply(tree.second, 200, put(7, null, 145));
    assertThat(tree.apply(tree.first, 0, put(1, 7L, 150))).containsExactly(Applied.Done.INSTANCE);
    assertUncounted(tree.apply(tree.second, 200, new Mutation.Remove(TYPE.key(7L), 210, 7)).get(0));
  }

  @Test
  void whoWaitsForParentsIsToldOfThoseOfTheSameTable() {
    Tree tree = new Tree();
    CompletableFuture<List<String>> told = new CompletableFuture<>();
    tree.record.whenParentsArrive(() -> told.complete(DB.query("SELECT id FROM " + tree.table)));
    tree.apply(tree.second, 0, put(7, null, 12));
    assertThat(get(told)).containsExactly("7");
  }

  @Test
  void whoWaitsForParentsIsToldWhenRowsWereCommitted() {
    CompletableFuture<List<String>> told = new CompletableFuture<>();
    AtomicInteger ofOthers = new AtomicInteger();
    customers.whenParentsArrive(ofOthers::incrementAndGet);
    orders.whenParentsArrive(
        () -> {
          throw new IllegalStateException("of a listener; the next one is told all the same");
        });
    orders.whenParentsArrive(() -> told.complete(DB.query("SELECT id FROM " + name)));
    applyOrders(put(1, null, 10));
    applyCustomers(20, new Mutation.Remove(TYPE.key(5L), 11, 1));
    assertThat(told).isNotDone();
    applyCustomers(30, put(7, null, 12));
    assertThat(get(told)).containsExactly("7");
    assertThat(ofOthers).hasValue(0);
  }
}
