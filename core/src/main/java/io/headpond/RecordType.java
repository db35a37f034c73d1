package io.headpond;
/** Being written. */
public final class RecordType<K, V extends Record> {
  public static <K, V extends Record> RecordType<K, V> of(Class<K> k, Class<V> v) { throw new IllegalStateException(); }
}
