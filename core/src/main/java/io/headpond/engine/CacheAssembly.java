package io.headpond.engine;
import io.headpond.*;
/** Being written. */
public final class CacheAssembly {
  public static CacheBuilder<Key, Row> builder(RowType t) { throw new IllegalStateException(); }
  public static <K, V extends Record> CacheBuilder<K, V> builder(RecordType<K, V> t) { throw new IllegalStateException(); }
}
