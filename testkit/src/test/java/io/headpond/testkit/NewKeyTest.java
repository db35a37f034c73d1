package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ColumnType;
import io.headpond.InvalidValueException;
import io.headpond.Key;
import io.headpond.KeyColumn;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.WriteBehindCache;
import io.headpond.journal.JournalStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Keys that no entry has. */
@Timeout(60)
class NewKeyTest {
  private final ManualEnvironment environment = new ManualEnvironment();
  private FakeDatabase database = new FakeDatabase(environment);

  private WriteBehindCache<Key, Row> open(ColumnType... keys) {
    database = new FakeDatabase(environment);
    RowType.Builder type = RowType.builder();
    for (int i = 0; i < keys.length; i++) {
      type.key("k" + i, keys[i]);
    }
    return WriteBehindCache.builder(type.column("v", ColumnType.TEXT).build())
        .name("t")
        .store(JournalStore.on(new SimulatedDisk()).segmentSize(1 << 16))
        .systemOfRecord(database)
        .environment(environment)
        .build();
  }

  private Object next(WriteBehindCache<Key, Row> cache) {
    return cache.rowType().components(environment.await(cache.newKeyAsync())).get(0);
  }

  @Test
  void aUuidKeyIsOfVersion7AndRisesWithTheTime() {
    WriteBehindCache<Key, Row> cache = open(ColumnType.UUID);
    List<String> keys = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      UUID key = (UUID) next(cache);
      assertThat(key.version()).isEqualTo(7);
      assertThat(key.variant()).isEqualTo(2);
      assertThat(key.getMostSignificantBits() >>> 16).isEqualTo(environment.wallMicros() / 1_000);
      keys.add(key.toString());
      environment.advance(Duration.ofMillis(1));
    }
    assertThat(keys).isSorted().doesNotHaveDuplicates();
    assertThat((String) next(open(ColumnType.TEXT))).hasSize(36);
  }

  @Test
  void aNumberComesFromTheSequenceInBlocks() {
    WriteBehindCache<Key, Row> cache = open(ColumnType.BIGINT);
    List<CompletableFuture<Key>> keys = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      keys.add(cache.newKeyAsync());
    }
    for (int i = 0; i < 1_000; i++) {
      assertThat(cache.rowType().components(environment.await(keys.get(i))))
          .containsExactly((long) i + 1);
    }
    assertThat(next(cache)).isEqualTo(1_001L);
  }

  @Test
  void withTheDatabaseAwayNumbersEndWithTheBlockAndComeBack() {
    WriteBehindCache<Key, Row> cache = open(ColumnType.INTEGER);
    assertThat(next(cache)).isEqualTo(1);
    environment.run();
    database.setAway(true);
    List<Object> given = new ArrayList<>();
    assertThatThrownBy(
            () -> {
              while (given.size() < 10_000) {
                given.add(next(cache));
              }
            })
        .isInstanceOf(UnavailableException.class);
    assertThat(given).isNotEmpty().hasSizeLessThan(1_000).doesNotHaveDuplicates();
    database.setAway(false);
    assertThat(given).doesNotContain(next(cache));
  }

  @Test
  void whatCannotBeMadeIsRefusedWithTheRule() {
    assertThatThrownBy(() -> next(open(ColumnType.DATE)))
        .isInstanceOf(InvalidValueException.class)
        .hasMessageContaining("k0: date: must be uuid, text or a whole number");
    assertThatThrownBy(() -> next(open(ColumnType.text(20))))
        .hasMessageContaining("must hold 36 characters");
    assertThatThrownBy(() -> next(open(ColumnType.UUID, ColumnType.UUID)))
        .hasMessageContaining("must be one column");
  }

  record Place(int shop, String shelf) {}

  record Stock(@KeyColumn String shelf, @KeyColumn int shop, int count) {}

  record Person(@KeyColumn UUID id, String name) {}

  @Test
  void theKeyOfARecordIsGivenAsTheCallerKnowsIt() {
    WriteBehindCache<UUID, Person> people =
        WriteBehindCache.builder(UUID.class, Person.class)
            .store(JournalStore.on(new SimulatedDisk()).segmentSize(1 << 16))
            .systemOfRecord(database)
            .environment(environment)
            .build();
    UUID id = environment.await(people.newKeyAsync());
    environment.await(people.putAsync(id, new Person(id, "a")));
    assertThat(environment.await(people.getAsync(id)).name()).isEqualTo("a");
    io.headpond.RecordType<Place, Stock> mapping =
        io.headpond.RecordType.of(Place.class, Stock.class);
    Key key = mapping.key(mapping.rowType(), new Place(3, "top"));
    assertThat(mapping.keyOf(mapping.rowType(), key)).isEqualTo(new Place(3, "top"));
  }
}
