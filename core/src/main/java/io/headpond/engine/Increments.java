package io.headpond.engine;

import io.headpond.Column;
import io.headpond.ConditionFailedException;
import io.headpond.Increment;
import io.headpond.InvalidValueException;
import io.headpond.NoSuchEntryException;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.spi.Lookup;
import java.math.BigDecimal;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What an increment makes of a row. Stateless. */
final class Increments {
  private Increments() {}

  /**
   * The row with the steps added.
   *
   * @throws InvalidValueException if a column is no number, or cannot hold the sum exactly
   * @throws ConditionFailedException if a bound would be passed
   * @throws NoSuchEntryException if there is none and none is to be made
   */
  static Row apply(RowType type, Lookup now, Increment increment) {
    Row row = now.row();
    if (row == null && !increment.creates()) {
      throw new NoSuchEntryException(
          "there is no entry " + type.keyText(now.key()) + " that could be incremented");
    }
    @Nullable Object[] cells = new Object[type.valueColumns().size()];
    for (int i = 0; i < cells.length && row != null; i++) {
      cells[i] = row.cell(i);
    }
    for (Map.Entry<String, Increment.Step> of : increment.steps().entrySet()) {
      int index = type.valueIndex(of.getKey());
      cells[index] = sum(type.valueColumns().get(index), cells[index], of.getValue(), now);
    }
    return type.rowOf(cells);
  }

  private static Object sum(
      Column column, @Nullable Object before, Increment.Step step, Lookup now) {
    Object start = before == null ? 0 : before;
    Object sum =
        switch (column.type().kind()) {
          case SMALLINT, INTEGER, BIGINT, NUMERIC ->
              new BigDecimal(start.toString()).add(step.by());
          case DOUBLE -> ((Number) start).doubleValue() + step.by().doubleValue();
          case REAL -> ((Number) start).floatValue() + step.by().floatValue();
          default ->
              throw new InvalidValueException(
                  column.name(),
                  step.by().toString(),
                  "cannot be incremented: the column is " + column.type() + ", no number");
        };
    if (!(sum instanceof BigDecimal) && !Double.isFinite(((Number) sum).doubleValue())) {
      throw new InvalidValueException(
          column.name(), start + " + " + step.by(), "must stay in the range of the column");
    }
    BigDecimal exact = new BigDecimal(sum.toString());
    requireCounted(column, start, step.by(), exact);
    require(step.min() == null || exact.compareTo(step.min()) >= 0, column, sum, step, now);
    require(step.max() == null || exact.compareTo(step.max()) <= 0, column, sum, step, now);
    return column.type().canonical(sum, column.name());
  }

  /**
   * Fractions are rounded as the column's type does it, but no step vanishes in the rounding, and whole numbers stay exact.
   *
   * @throws InvalidValueException if a floating-point number is too large for the step to count
   */
  private static void requireCounted(
      Column column, Object start, BigDecimal by, BigDecimal stored) {
    BigDecimal before = new BigDecimal(start.toString());
    boolean vanished = by.signum() != 0 && stored.compareTo(before) == 0;
    boolean whole = isWhole(before) && isWhole(by);
    if (vanished || (whole && stored.compareTo(before.add(by)) != 0)) {
      throw new InvalidValueException(
          column.name(),
          start + " + " + by,
          "cannot be held by a " + column.type() + " exactly: so small a step would not count");
    }
  }

  private static boolean isWhole(BigDecimal number) {
    return number.signum() == 0 || number.stripTrailingZeros().scale() <= 0;
  }

  private static void require(
      boolean holds, Column column, Object sum, Increment.Step step, Lookup now) {
    if (!holds) {
      throw new ConditionFailedException(
          column.name()
              + " would be "
              + sum
              + "; it must be"
              + (step.min() == null ? "" : " at least " + step.min())
              + (step.min() == null || step.max() == null ? "" : " and")
              + (step.max() == null ? "" : " at most " + step.max()),
          now.row() == null ? 0 : now.version());
    }
  }
}
