package io.headpond.bench;

import io.headpond.ColumnType;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import java.util.Locale;
import java.util.SplittableRandom;

/** Entries of {@code kv(key text primary key, value text)}: keys of 16 bytes, values of 100. */
final class Kv {
  static final int KEY_BYTES = 16;
  static final int VALUE_BYTES = 100;
  static final RowType TYPE =
      RowType.builder().key("key", ColumnType.TEXT).column("value", ColumnType.TEXT).build();

  private final Key[] keys;
  private final Row[] rows;

  private Kv(Key[] keys, Row[] rows) {
    this.keys = keys;
    this.rows = rows;
  }

  /** So many entries with keys from {@code first} on; the values depend on {@code seed}. */
  static Kv of(RowType type, int first, int count, long seed) {
    Key[] keys = new Key[count];
    Row[] rows = new Row[count];
    SplittableRandom random = new SplittableRandom(seed);
    for (int i = 0; i < count; i++) {
      keys[i] = type.key(keyText(first + i));
      rows[i] = type.rowOf(value(random));
    }
    return new Kv(keys, rows);
  }

  int size() {
    return keys.length;
  }

  Key key(int i) {
    return keys[i];
  }

  Row row(int i) {
    return rows[i];
  }

  /** Spread, so that neighbours in time are no neighbours in the table. */
  static String keyText(int i) {
    return String.format(Locale.ROOT, "k-%06x%08d", (i * 0x9E3779B1) >>> 8, i);
  }

  static String value(SplittableRandom random) {
    byte[] text = new byte[VALUE_BYTES];
    for (int i = 0; i < text.length; i++) {
      text[i] = (byte) ('a' + random.nextInt(26));
    }
    return new String(text, java.nio.charset.StandardCharsets.US_ASCII);
  }
}
