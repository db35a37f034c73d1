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

  /** Rows as they are; a row of a like type that the database has narrowed since is checked again. */
  static EntryMapping<Key, Row> rows() {
    return new EntryMapping<>() {
      @Override
      public Key key(RowType type, Key key) {
        return key;
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
