package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.Durability;
import io.headpond.Increment;
import io.headpond.Key;
import io.headpond.KeyColumn;
import io.headpond.Receipt;
import io.headpond.RejectedException;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.WriteBehindCache;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** The cache for users' tests: blocking code under test runs in it, and everything can be provoked. */
@Timeout(30)
class TestCacheTest {
  record Product(@KeyColumn long id, String name, int quantity) {}

  /** Code of a user: blocking, and without an idea of manual time. */
  record Shop(WriteBehindCache<Long, Product> products) {
    int sell(long id) {
      return products
          .increment(id, Increment.of("quantity", -1).atLeast("quantity", 0))
          .value()
          .quantity();
    }
  }

  private final TestCache<Long, Product> test = TestCache.of(Long.class, Product.class);

  @Test
  void blockingCodeRunsOnManualTime() {
    test.cache().put(7L, new Product(7, "Lamp", 2), Durability.DATABASE);
    Shop shop = new Shop(test.cache());
    assertThat(shop.sell(7)).isEqualTo(1);
    assertThat(test.cache().get(8L)).isNull();
    assertThat(test.cache().load(7L).quantity()).isEqualTo(2);
    Receipt receipt = test.cache().put(7L, new Product(7, "Lamp", 9));
    test.cache().await(receipt.settled());
    assertThat(test.cache().load(7L).quantity()).isEqualTo(9);
    assertThat(test.cache().drain(Duration.ofSeconds(1)).remaining()).isZero();
    test.close();
  }

  @Test
  void afterACrashWhatWasAcknowledgedIsThere() {
    test.cache().put(7L, new Product(7, "Lamp", 2));
    test.database().setAway(true);
    test.time().advance(Duration.ofSeconds(1));
    test.database().setAway(false);
    assertThat(test.crash().get(7L)).isEqualTo(new Product(7, "Lamp", 2));
    assertThat(test.cache().status().pendingEntries()).isEqualTo(1);
    test.settle();
    assertThat(test.cache().status().pendingEntries()).isZero();
    assertThat(test.cache().load(7L)).isEqualTo(new Product(7, "Lamp", 2));
  }

  @Test
  void whatFailsIsThrownAsItIs() {
    test.database().setAway(true);
    assertThatThrownBy(() -> test.cache().get(7L)).isInstanceOf(UnavailableException.class);
    test.database().setAway(false);
    test.database().refuse(mutation -> true);
    assertThatThrownBy(() -> test.cache().put(7L, new Product(7, "Lamp", 2), Durability.DATABASE))
        .isInstanceOf(RejectedException.class);
  }

  @Test
  void settingsAndUntypedRowsAreGivenAsToARealCache() {
    RowType type = RowType.builder().key("k", ColumnType.TEXT).column("v", ColumnType.TEXT).build();
    try (TestCache<Key, Row> rows =
        TestCache.of(type, builder -> builder.name("rows").linger(Duration.ofMinutes(1)))) {
      rows.cache().put(type.key("a"), type.rowOf("b"));
      rows.time().advance(Duration.ofSeconds(59));
      assertThat(rows.cache().load(type.key("a"))).isNull();
      rows.time().advance(Duration.ofSeconds(2));
      assertThat(rows.cache().load(type.key("a"))).isEqualTo(type.rowOf("b"));
    }
  }
}
