package io.headpond;

import java.math.BigDecimal;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * By how much the numbers of an entry are to grow, in one step, and between which bounds they must stay. A null counts as 0. Immutable.
 *
 * <pre>{@code
 * cache.increment(7L, Increment.of("stock", -1).atLeast("stock", 0).and("sold", 1));
 * }</pre>
 */
public final class Increment {
  /**
   * What happens to one column.
   *
   * @param by what is added; negative to subtract
   * @param min the least result; null for none but the column's own
   * @param max the highest result; null for none but the column's own
   */
  public record Step(BigDecimal by, @Nullable BigDecimal min, @Nullable BigDecimal max) {
    /**
     * @throws InvalidValueException if a number has more than {@value #MAX_DIGITS} digits, or {@code min} is above {@code max}
     */
    public Step {
      requireBounded("by", by);
      requireBounded("min", min);
      requireBounded("max", max);
      if (min != null && max != null && min.compareTo(max) > 0) {
        throw new InvalidValueException("min", min.toString(), "must not be above max, " + max);
      }
    }
  }

  private static final int MAX_DIGITS = 1_000;

  private final Map<String, Step> steps;
  private final boolean create;

  private Increment(Map<String, Step> steps, boolean create) {
    this.steps = Collections.unmodifiableMap(steps);
    this.create = create;
  }

  /** Adds to one column. */
  public static Increment of(String column, long by) {
    return new Increment(Map.of(), false).and(column, BigDecimal.valueOf(by));
  }

  /** Adds to columns, with bounds, in the order of the map. */
  public static Increment of(Map<String, Step> steps) {
    if (steps.isEmpty()) {
      throw new InvalidValueException("increment", "{}", "must name at least one column");
    }
    return new Increment(new LinkedHashMap<>(steps), false);
  }

  /** This, and a whole number added to another column. */
  public Increment and(String column, long by) {
    return and(column, BigDecimal.valueOf(by));
  }

  /** This, and a number added to another column. */
  public Increment and(String column, BigDecimal by) {
    return with(column, new Step(by, null, null));
  }

  /** This, where the column's result must not be below {@code min}. */
  public Increment atLeast(String column, long min) {
    Step step = step(column);
    return with(column, new Step(step.by, BigDecimal.valueOf(min), step.max));
  }

  /** This, where the column's result must not be above {@code max}. */
  public Increment atMost(String column, long max) {
    Step step = step(column);
    return with(column, new Step(step.by, step.min, BigDecimal.valueOf(max)));
  }

  /** This; an entry that is absent is made, all its columns null before. Without it there must be one. */
  public Increment createIfAbsent() {
    return new Increment(steps, true);
  }

  /** What happens to each column. */
  public Map<String, Step> steps() {
    return steps;
  }

  /** Whether an absent entry is made. */
  public boolean creates() {
    return create;
  }

  /** Adding a number of a huge exponent to a small one would spell it out. */
  private static void requireBounded(String name, @Nullable BigDecimal number) {
    if (number != null
        && (number.precision() > MAX_DIGITS || Math.abs((long) number.scale()) > MAX_DIGITS)) {
      throw new InvalidValueException(
          name, number.toString(), "must have at most " + MAX_DIGITS + " digits");
    }
  }

  private Step step(String column) {
    Step step = steps.get(column);
    if (step == null) {
      throw new InvalidValueException(column, "no increment", "must be incremented to be bounded");
    }
    return step;
  }

  private Increment with(String column, Step step) {
    Map<String, Step> with = new LinkedHashMap<>(steps);
    with.put(column, step);
    return new Increment(with, create);
  }
}
