package io.headpond.guide;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheListener;
import io.headpond.CacheStatus;
import io.headpond.CompletedRequest;
import io.headpond.Condition;
import io.headpond.ConditionFailedException;
import io.headpond.DeadLetter;
import io.headpond.DeadLetterFilter;
import io.headpond.DeadLetterGoneException;
import io.headpond.DeadLetters;
import io.headpond.Durability;
import io.headpond.Entry;
import io.headpond.ErrorClass;
import io.headpond.FlushReport;
import io.headpond.HeadpondException;
import io.headpond.Increment;
import io.headpond.JsonColumn;
import io.headpond.KeyColumn;
import io.headpond.OverloadedException;
import io.headpond.PartialWriteException;
import io.headpond.Receipt;
import io.headpond.RequestId;
import io.headpond.Updated;
import io.headpond.WriteBehindCache;
import io.headpond.WriteOptions;
import io.headpond.jdbc.JdbcDatabase;
import io.headpond.journal.JournalStore;
import io.headpond.postgres.testing.TestPostgres;
import io.headpond.testkit.TestCache;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Each piece of Java that docs/library.md shows stands in this class, is compiled and run. */
class LibraryGuideTest {
  @TempDir Path folder;
  private String url;
  private WriteBehindCache<Long, Product> products;

  record Product(@KeyColumn long id, String name, BigDecimal price, int stock, Integer sold) {}

  record Shelf(String city, int number) {}

  record Place(
      @KeyColumn String city, @KeyColumn int number, @JsonColumn String tags, Boolean open) {}

  static final class SettledCounter implements CacheListener {
    final AtomicLong settled = new AtomicLong();

    @Override
    public void flushed(Flush event) {
      settled.addAndGet(event.entries().size());
    }
  }

  private final SettledCounter counter = new SettledCounter();

  @BeforeEach
  void open() throws Exception {
    url = TestPostgres.createDatabase().jdbcUrl();
    try (var connection = DriverManager.getConnection(url);
        var statement = connection.createStatement()) {
      statement.execute(
          """
          CREATE TABLE product (
            id bigint PRIMARY KEY, name text NOT NULL, price numeric(10,2) NOT NULL,
            stock integer NOT NULL, sold integer, version bigint NOT NULL);
          CREATE TABLE place (
            city text, number integer, tags jsonb, open boolean, PRIMARY KEY (city, number),
            CHECK (open));
          CREATE SEQUENCE product_id;
          """);
    }
    Path journals = folder;
    WriteBehindCache<Long, Product> products =
        WriteBehindCache.builder(Long.class, Product.class)
            .store(JournalStore.in(journals))
            .systemOfRecord(
                JdbcDatabase.postgres(url)
                    .table("product")
                    .versionColumn("version")
                    .keySequence("product_id"))
            .linger(Duration.ofMillis(50))
            .listener(counter)
            .build();
    this.products = products;
  }

  @AfterEach
  void close() {
    products.close();
  }

  @Test
  void writing() {
    Product lamp = new Product(7, "Lamp", new BigDecimal("29.99"), 100, null);
    products.put(7L, lamp); // on this machine's disk when it returns
    products.put(7L, lamp, Durability.JOURNAL); // survives kill -9, not a power failure
    products.put(7L, lamp, Durability.DATABASE); // committed when it returns
    products.remove(8L);

    Receipt receipt = products.put(7L, lamp);
    long version = receipt.version();
    products.await(receipt.settled()); // the database has this version or a newer one

    assertThat(products.entry(7L).version()).isEqualTo(version);
    assertThat(products.load(7L)).isEqualTo(lamp);
  }

  @Test
  void writingSeveral() {
    Product lamp = new Product(7, "Lamp", new BigDecimal("29.99"), 100, null);
    Product desk = new Product(8, "Desk", new BigDecimal("129.999"), 1, null);
    try {
      products.putAll(Map.of(7L, lamp, 8L, desk));
    } catch (PartialWriteException e) {
      e.failures().forEach((id, why) -> System.err.println(id + ": " + why.getMessage()));
    }
    assertThat(products.get(7L)).isEqualTo(lamp);
    assertThat(products.get(8L)).isNull();
  }

  @Test
  void changing() {
    products.put(7L, new Product(7, "Lamp", new BigDecimal("29.99"), 1, null));

    // One number, or several together; exactly once for each call that returns.
    Updated<Product> sold =
        products.increment(7L, Increment.of("stock", -1).atLeast("stock", 0).and("sold", 1));

    // Anything: nobody writes the entry between the value you are given and the one you return.
    products.update(
        7L,
        product ->
            product == null
                ? null
                : new Product(
                    7, "Old " + product.name(), product.price(), product.stock(), product.sold()));

    // Only if it is still what was read.
    Entry<Product> entry = products.entry(7L);
    try {
      products.remove(7L, WriteOptions.onlyIf(Condition.version(entry.version())));
    } catch (ConditionFailedException e) {
      System.err.println("somebody was faster; it has version " + e.currentVersion() + " now");
    }
    products.putIfAbsent(7L, new Product(7, "Lamp", new BigDecimal("29.99"), 1, null));

    assertThat(sold.value()).isEqualTo(new Product(7, "Lamp", new BigDecimal("29.99"), 0, 1));
    assertThat(products.get(7L).name()).isEqualTo("Lamp");
    products.increment(7L, Increment.of("stock", -1));
    assertThatThrownBy(() -> products.increment(7L, Increment.of("stock", -1).atLeast("stock", 0)))
        .isInstanceOf(ConditionFailedException.class);
  }

  @Test
  void creating() {
    RequestId request = new RequestId("order 4711, line 3", "sha256 of the message");
    CompletedRequest<Long> earlier = products.request(request.id());
    long id = earlier != null ? earlier.key() : products.newKey();
    Receipt receipt =
        products.put(
            id,
            new Product(id, "Lamp", new BigDecimal("29.99"), 1, null),
            WriteOptions.onlyIf(Condition.absent()).request(request));

    assertThat(id).isPositive();
    assertThat(receipt.repeated()).isFalse();
    assertThat(products.request(request.id()).key()).isEqualTo(id);
    assertThat(products.request(request.id()).version()).isEqualTo(receipt.version());
  }

  @Test
  void reading() {
    products.put(7L, new Product(7, "Lamp", new BigDecimal("29.99"), 1, null));

    Product lamp =
        products.get(7L); // null if there is none; a miss asks the database, once for all who wait
    Map<Long, Product> some = products.getAll(List.of(7L, 8L, 9L)); // one statement for all misses
    Entry<Product> entry = products.entry(7L); // with version, state, and whether it was loaded
    Product there = products.load(7L); // as the database has it at this moment
    products.invalidate(7L); // another program has written the row: forget what is cached

    assertThat(some).containsOnlyKeys(7L);
    assertThat(entry.value()).isEqualTo(lamp);
    assertThat(there).isIn(null, lamp);
  }

  @Test
  void watching() {
    products.put(7L, new Product(7, "Lamp", new BigDecimal("29.99"), 1, null));

    CacheStatus status = products.status(); // cheap: for a health check, or a metric
    if (status.health() != CacheStatus.Health.UP) {
      System.err.println(status.reasons());
    }
    System.out.println(status.pendingEntries() + " pending, the oldest for " + status.lag());
    FlushReport report = products.flush(); // what is pending now, without waiting for linger
    System.out.println(report.applied() + " written, " + report.remaining() + " remain");
    products.pending("", null, 100).entries().forEach(System.out::println);

    assertThat(report.remaining()).isZero();
    assertThat(report.error()).isNull();
  }

  @Test
  void failing() {
    Product lamp = new Product(7, "Lamp", new BigDecimal("29.99"), 1, null);
    try {
      products.put(7L, lamp);
    } catch (OverloadedException e) {
      System.err.println("not done; try again in " + e.retryAfter());
    } catch (HeadpondException e) {
      System.err.println(e.getMessage());
    }
    assertThat(products.get(7L)).isEqualTo(lamp);
  }

  @Test
  void compositeKeys() {
    try (WriteBehindCache<Shelf, Place> places =
        WriteBehindCache.builder(Shelf.class, Place.class)
            .store(JournalStore.in(folder))
            .systemOfRecord(JdbcDatabase.postgres(url).table("place"))
            .build()) {
      places.put(new Shelf("Bern", 3), new Place("Bern", 3, "{\"a\": [1, 2]}", true));
      assertThat(places.get(new Shelf("Bern", 3)).open()).isTrue();
    }
  }

  @Test
  void deadLetters() throws IOException {
    Path given = folder.resolve("given-up.txt");
    try (WriteBehindCache<Shelf, Place> places =
        WriteBehindCache.builder(Shelf.class, Place.class)
            .store(JournalStore.in(folder))
            .systemOfRecord(JdbcDatabase.postgres(url).table("place"))
            .maxRetries(0)
            .build()) {
      Shelf bern = new Shelf("Bern", 3);
      Shelf basel = new Shelf("Basel", 1);
      places.put(bern, new Place("Bern", 3, null, false));
      places.put(basel, new Place("Basel", 1, null, false));
      places.flush();

      DeadLetters<Shelf, Place> letters = places.deadLetters();
      for (DeadLetter<Shelf, Place> letter :
          places.await(letters.list(DeadLetterFilter.all(), null, 100)).letters()) {
        System.err.println(
            letter.keyText() + " after " + letter.attempts() + ": " + letter.error());
      }
      // The same values again, when what refused them is mended.
      places.await(letters.retryAll(DeadLetterFilter.of(ErrorClass.FOREIGN_KEY)));
      // Another value in its place, if it is still there.
      places.await(letters.edit(bern, 0, new Place("Bern", 3, null, true)));
      try {
        // Given up, when the function has kept it.
        places.await(letters.discard(basel, 0, letter -> Files.writeString(given, letter + "\n")));
      } catch (DeadLetterGoneException e) {
        System.err.println(e.getMessage()); // e.reason(): retried, superseded, or there is none
      }

      assertThat(places.get(bern).open()).isTrue();
      assertThat(places.get(basel)).isNull();
      assertThat(Files.readString(given)).contains("Basel", "23514");
    }
  }

  @Test
  void listening() {
    products.put(7L, new Product(7, "Lamp", new BigDecimal("29.99"), 1, null));
    products.flush();
    products.close();
    // Listeners are told on a thread of their own.
    long deadline = System.nanoTime() + Duration.ofSeconds(20).toNanos();
    while (counter.settled.get() == 0 && System.nanoTime() < deadline) {
      Thread.onSpinWait();
    }
    assertThat(counter.settled).hasValue(1);
  }

  @Test
  void testing() {
    try (TestCache<Long, Product> test = TestCache.of(Long.class, Product.class)) {
      Product lamp = new Product(7, "Lamp", new BigDecimal("29.99"), 1, null);
      test.cache().put(7L, lamp); // give test.cache() to the code you test

      assertThat(test.cache().load(7L)).isNull(); // the database has nothing yet
      test.settle();
      assertThat(test.cache().load(7L)).isEqualTo(lamp);

      test.database().setAway(true); // an outage
      test.cache().remove(7L);
      test.time().advance(Duration.ofMinutes(5));
      assertThat(test.cache().status().health()).isEqualTo(CacheStatus.Health.DEGRADED);

      test.database().setAway(false);
      test.crash(); // kill -9 and a new start
      test.settle();
      assertThat(test.cache().load(7L)).isNull();
    }
  }

  @Test
  void allThatTheGuideShowsStandsHere() throws IOException {
    String source =
        Files.readString(
            Path.of("src", "test", "java", "io", "headpond", "guide", "LibraryGuideTest.java"));
    String guide = Files.readString(Path.of("..", "docs", "library.md"));
    Matcher blocks = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(guide);
    int count = 0;
    while (blocks.find()) {
      count++;
      assertThat(words(source)).contains(words(blocks.group(1)));
    }
    assertThat(count).isGreaterThan(5);
  }

  private static String words(String text) {
    return text.replaceAll("\\s+", " ").strip();
  }
}
