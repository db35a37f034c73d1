package io.headpond.server.http;

import io.headpond.Increment;
import io.headpond.Increment.Step;
import io.headpond.InvalidValueException;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An increment as JSON: {@code {"likes": 1, "stock": {"by": -1, "min": 0, "max": 100}}}. Stateless.
 */
final class IncrementBody {
  private IncrementBody() {}

  /**
   * What is to be added.
   *
   * @throws Problem if it is no such object, or names what is no column
   */
  static Increment read(JsonTree body, JsonRows rows, boolean create) {
    if (!body.isObject()) {
      throw Problem.of(
          Problem.Kind.INVALID_JSON,
          "body",
          body.shown(),
          "must be a JSON object with columns and by how much they are to grow");
    }
    Map<String, Step> steps = new LinkedHashMap<>();
    body.members()
        .forEach(
            (column, step) -> {
              rows.requireColumn(column);
              steps.put(column, step(column, step));
            });
    Increment increment = Increment.of(steps);
    return create ? increment.createIfAbsent() : increment;
  }

  private static Step step(String column, JsonTree step) {
    if (!step.isObject()) {
      return step(column, "", number(column, step), null, null);
    }
    step.members()
        .keySet()
        .forEach(
            name -> {
              if (!name.equals("by") && !name.equals("min") && !name.equals("max")) {
                throw Problem.invalidValue(
                    column + "." + Problem.shown(name), "a member", "must be by, min or max");
              }
            });
    JsonTree by = step.member("by");
    if (by == null) {
      throw Problem.invalidValue(column + ".by", "nothing", "must be a number");
    }
    return step(
        column,
        ".",
        number(column + ".by", by),
        bound(column + ".min", step.member("min")),
        bound(column + ".max", step.member("max")));
  }

  /** The step, whose rules name its member; the problem names the column too. */
  private static Step step(
      String column,
      String separator,
      BigDecimal by,
      @Nullable BigDecimal min,
      @Nullable BigDecimal max) {
    try {
      return new Step(by, min, max);
    } catch (InvalidValueException e) {
      String member = separator.isEmpty() ? "" : separator + e.path();
      throw Problem.invalidValue(column + member, e.value(), e.rule());
    }
  }

  private static @Nullable BigDecimal bound(String field, @Nullable JsonTree bound) {
    return bound == null ? null : number(field, bound);
  }

  private static BigDecimal number(String field, JsonTree value) {
    if (!value.isNumber()) {
      throw Problem.invalidValue(field, value.shown(), "must be a number");
    }
    try {
      return new BigDecimal(value.json());
    } catch (NumberFormatException e) {
      // An exponent beyond an int.
      throw Problem.invalidValue(field, value.json(), "must have at most 1000 digits");
    }
  }
}
