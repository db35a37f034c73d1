package io.headpond.engine;

import io.headpond.Key;
import io.headpond.RecordType;
import io.headpond.Row;
import io.headpond.RowType;

/** How a user's keys and values become keys and rows. Stateless, thread-safe. */
interface EntryMapping<K, V> {
  Key key(RowType type, K key);

  Row row(RowType type, Key key, V value);

  V value(Key key, Row row);

  /**
   * Rows as they are; where the database is narrower than what was declared, a key or row made from the declared type is
   * brought to the narrower one.
   */
  static EntryMapping<Key, Row> rows(RowType declared) {
    return new EntryMapping<>() {
      @Override
      public Key key(RowType type, Key key) {
        return type.keyColumns().equals(declared.keyColumns())
            ? key
            : type.key(declared.components(key).toArray());
      }

      @Override
      public Row row(RowType type, Key key, Row value) {
        return value.type() == type ? value : type.row(value.toMap());
      }

      @Override
      public Row value(Key key, Row row) {
        return row;
      }
    };
  }

  static <K, V extends Record> EntryMapping<K, V> records(RecordType<K, V> record) {
    return new EntryMapping<>() {
      @Override
      public Key key(RowType type, K key) {
        return record.key(type, key);
      }

      @Override
      public Row row(RowType type, Key key, V value) {
        return record.row(type, key, value);
      }

      @Override
      public V value(Key key, Row row) {
        return record.value(key, row);
      }
    };
  }
}
