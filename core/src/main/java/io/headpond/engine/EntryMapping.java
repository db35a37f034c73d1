package io.headpond.engine;

import io.headpond.Key;
import io.headpond.RecordType;
import io.headpond.Row;
import io.headpond.RowType;
import java.util.function.Function;

/** How a user's keys and values become keys and rows of one row type. Stateless, thread-safe. */
interface EntryMapping<K, V> {
  Key key(K key);

  K keyOf(Key key);

  Row row(Key key, V value);

  V value(Key key, Row row);

  /**
   * Rows as they are. Where the database is narrower than what was declared, a key or row made from the declared type is
   * brought to the narrower one.
   *
   * @return the mapping for the columns as the database has them
   */
  static Function<RowType, EntryMapping<Key, Row>> rows(RowType declared) {
    return actual -> new Rows(declared, actual);
  }

  /** The mapping of a record for the columns as the database has them. */
  static <K, V extends Record> Function<RowType, EntryMapping<K, V>> records(
      RecordType<K, V> record) {
    return actual -> new Records<>(record, actual);
  }

  /** See {@link #rows}. */
  final class Rows implements EntryMapping<Key, Row> {
    private final RowType declared;
    private final RowType actual;
    private final boolean sameKeys;
    private final boolean same;

    Rows(RowType declared, RowType actual) {
      this.declared = declared;
      this.actual = actual;
      this.sameKeys = declared.keyColumns().equals(actual.keyColumns());
      this.same = declared.equals(actual);
    }

    @Override
    public Key key(Key key) {
      return sameKeys ? key : actual.key(declared.components(key).toArray());
    }

    @Override
    public Key keyOf(Key key) {
      return key;
    }

    @Override
    public Row row(Key key, Row value) {
      return value.type() == actual || (same && value.type() == declared)
          ? value
          : actual.row(value.toMap());
    }

    @Override
    public Row value(Key key, Row row) {
      return row;
    }
  }

  /** See {@link #records}. */
  final class Records<K, V extends Record> implements EntryMapping<K, V> {
    private final RecordType<K, V> record;
    private final RowType actual;

    Records(RecordType<K, V> record, RowType actual) {
      this.record = record;
      this.actual = actual;
    }

    @Override
    public Key key(K key) {
      return record.key(actual, key);
    }

    @Override
    public K keyOf(Key key) {
      return record.keyOf(actual, key);
    }

    @Override
    public Row row(Key key, V value) {
      return record.row(actual, key, value);
    }

    @Override
    public V value(Key key, Row row) {
      return record.value(key, row);
    }
  }
}
