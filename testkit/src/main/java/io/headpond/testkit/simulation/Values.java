package io.headpond.testkit.simulation;

import io.headpond.Column;
import io.headpond.ColumnType;
import io.headpond.Entry;
import io.headpond.Increment;
import io.headpond.Key;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.spi.Applied;
import io.headpond.spi.Batch;
import io.headpond.spi.Lease;
import io.headpond.spi.Loaded;
import io.headpond.spi.Mutation;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The values that clients write. Each tells which writes are in it: a put writes a word of its own; an update adds a word to those that
 * are there; an increment adds one to a digit of its own, of a number in base 4. So a lost update is a missing word or a digit that is 0, and one
 * that counted twice a word that is there twice or a digit that is 2.
 */
final class Values {
  static final RowType TYPE =
      RowType.builder()
          .key("id", ColumnType.BIGINT)
          .column(new Column("words", ColumnType.TEXT, true))
          .column(new Column("digits", ColumnType.NUMERIC, true))
          .build();

  private static final String BAD = "!bad";
  private static final String KILLER = "!killer";
  private static final BigInteger BASE = BigInteger.valueOf(4);

  private Values() {}

  static Key key(long id) {
    return TYPE.key(id);
  }

  static String text(Key key) {
    return "key " + TYPE.keyText(key);
  }

  /** What a put of this word writes. */
  static Row of(String word) {
    return TYPE.rowOf(word, null);
  }

  /** The value with another word. */
  static Row with(@Nullable Row row, String word) {
    String before = row == null ? null : (String) row.get("words");
    return TYPE.rowOf(
        before == null ? word : before + "," + word, row == null ? null : row.get("digits"));
  }

  static Increment increment(int digit) {
    return Increment.of(
            java.util.Map.of(
                "digits", new Increment.Step(new BigDecimal(BASE.pow(digit)), null, null)))
        .createIfAbsent();
  }

  /** Whether the word is among those of the value. */
  static boolean has(@Nullable Row row, String word) {
    String text = row == null ? null : (String) row.cell(0);
    if (text == null) {
      return false;
    }
    for (int at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
      int end = at + word.length();
      if ((at == 0 || text.charAt(at - 1) == ',')
          && (end == text.length() || text.charAt(end) == ',')) {
        return true;
      }
    }
    return false;
  }

  /** The first word; empty if there is none. */
  private static String first(@Nullable Row row) {
    String text = row == null ? null : (String) row.cell(0);
    int end = text == null ? 0 : text.indexOf(',');
    return text == null ? "" : end < 0 ? text : text.substring(0, end);
  }

  static List<String> words(@Nullable Row row) {
    List<String> words = new ArrayList<>();
    if (row != null && row.get("words") instanceof String text) {
      words.addAll(List.of(text.split(",")));
    }
    return words;
  }

  /** How often the increment of this digit is in the value. */
  static int digit(@Nullable Row row, int digit) {
    if (row == null || !(row.get("digits") instanceof BigDecimal digits)) {
      return 0;
    }
    return digits.toBigIntegerExact().divide(BASE.pow(digit)).mod(BASE).intValue();
  }

  /** How many digits the value has. */
  static int digits(@Nullable Row row) {
    if (row == null || !(row.get("digits") instanceof BigDecimal digits)) {
      return 0;
    }
    return (digits.toBigIntegerExact().bitLength() + 1) / 2;
  }

  /** Whether updates may have made this value of one with that base; null stands for no entry. */
  static boolean builtOn(Row row, @Nullable Row base) {
    String first = first(row);
    String other = first(base);
    return other.isEmpty() ? first.isEmpty() || first.startsWith("u") : first.equals(other);
  }

  /** What no sequence of writes could have made; null if nothing is wrong. */
  static @Nullable String wrong(Row row) {
    List<String> words = words(row);
    if (Set.copyOf(words).size() < words.size()) {
      return "an update twice in " + words;
    }
    for (int i = 0; i < digits(row); i++) {
      if (digit(row, i) > 1) {
        return "increment " + i + " counted " + digit(row, i) + " times";
      }
    }
    return null;
  }

  static String bad(String word) {
    return word + BAD;
  }

  static String killer(String word) {
    return word + KILLER;
  }

  static boolean isBad(@Nullable Row row) {
    return marked(row, BAD);
  }

  static boolean isKiller(@Nullable Row row) {
    return marked(row, KILLER);
  }

  /** Something of a run, for people. */
  static String show(@Nullable Object what) {
    if (what instanceof Key key) {
      return text(key);
    } else if (what instanceof Row row) {
      String digits =
          row.get("digits") instanceof BigDecimal number
              ? " +" + number.toBigInteger().toString(4)
              : "";
      return ("'" + row.get("words") + digits + "'").replaceAll("~~+", "~");
    } else if (what instanceof Mutation.Put put) {
      return text(put.key()) + "=" + show(put.row()) + "@" + put.version();
    } else if (what instanceof Mutation mutation) {
      return text(mutation.key()) + " removed@" + mutation.version();
    } else if (what instanceof Batch batch) {
      return Long.toHexString(batch.id())
          + show(batch.mutations())
          + " frontier "
          + batch.frontier();
    } else if (what instanceof Lease lease) {
      return "lease "
          + lease.partition()
          + " epoch "
          + lease.epoch()
          + " last batch "
          + Long.toHexString(lease.lastBatch());
    } else if (what instanceof Loaded loaded) {
      return text(loaded.key()) + "=" + show(loaded.row()) + "@" + loaded.version();
    } else if (what instanceof Entry<?> entry) {
      return show(entry.value()) + "@" + entry.version() + " " + entry.state();
    } else if (what instanceof Applied applied) {
      return applied.outcomes().toString();
    } else if (what instanceof List<?> list) {
      return list.stream().map(Values::show).toList().toString();
    }
    return String.valueOf(what);
  }

  static @Nullable Row row(Mutation mutation) {
    return mutation instanceof Mutation.Put put ? put.row() : null;
  }

  private static boolean marked(@Nullable Row row, String mark) {
    return row != null && row.get("words") instanceof String text && text.contains(mark);
  }
}
