package io.headpond;

import java.math.BigDecimal;
import java.math.BigInteger;

/** The canonical forms of numbers: a number that the column would round or cut is refused. Stateless. */
final class Numbers {
  /** Digits that any database keeps; a longer number is refused. */
  static final int MAX_DIGITS = 1_000;

  private static final int REAL_DIGITS = 9;
  private static final int DOUBLE_DIGITS = 17;

  private Numbers() {}

  static long whole(Object value, String path, long min, long max) {
    BigInteger number;
    if (isSmall(value)) {
      long small = ((Number) value).longValue();
      if (small >= min && small <= max) {
        return small;
      }
      number = BigInteger.valueOf(small);
    } else if (value instanceof BigInteger big) {
      number = big;
    } else if (value instanceof BigDecimal decimal) {
      number = exactWhole(decimal, path);
    } else {
      throw ColumnType.invalid(path, value, "must be a whole number");
    }
    if (number.compareTo(BigInteger.valueOf(min)) < 0
        || number.compareTo(BigInteger.valueOf(max)) > 0) {
      throw ColumnType.invalid(path, value, "must be from " + min + " to " + max);
    }
    return number.longValueExact();
  }

  /** A decimal; with a precision it gets exactly {@code scale} digits after the point. */
  static BigDecimal numeric(Object value, String path, int precision, int scale) {
    BigDecimal number = decimal(value, path, "must be a decimal number");
    if (number.precision() > MAX_DIGITS || Math.abs((long) number.scale()) > MAX_DIGITS) {
      throw ColumnType.invalid(path, "a number", "must have at most " + MAX_DIGITS + " digits");
    }
    if (precision == 0) {
      return number.scale() < 0 ? number.setScale(0) : number;
    }
    BigDecimal scaled;
    try {
      scaled = number.setScale(scale);
    } catch (ArithmeticException e) {
      throw ColumnType.invalid(
          path, number, "must have at most " + scale + " digits after the point");
    }
    if (scaled.signum() != 0 && scaled.precision() > precision) {
      throw ColumnType.invalid(
          path, number, "must have at most " + (precision - scale) + " digits before the point");
    }
    return scaled;
  }

  static double floating(Object value, String path) {
    double number;
    if (value instanceof Double || value instanceof Float) {
      number = ((Number) value).doubleValue();
    } else {
      BigDecimal decimal = decimal(value, path, "must be a number");
      number = decimal.doubleValue();
      checkNear(decimal, number, DOUBLE_DIGITS, "double", path);
    }
    return number == 0 ? 0.0 : number;
  }

  static float real(Object value, String path) {
    float number;
    if (value instanceof Float single) {
      number = single;
    } else if (value instanceof Double wide) {
      number = wide.floatValue();
      if (Double.compare(number, wide) != 0) {
        throw ColumnType.invalid(
            path, value, "must be a float: a real has no more than 24 bits of a double");
      }
    } else {
      BigDecimal decimal = decimal(value, path, "must be a number");
      number = decimal.floatValue();
      checkNear(decimal, number, REAL_DIGITS, "real", path);
    }
    return number == 0 ? 0.0f : number;
  }

  /** So many digits tell every number of the type from its neighbours; more would be dropped. */
  private static void checkNear(
      BigDecimal decimal, double number, int digits, String type, String path) {
    if (Double.isInfinite(number) || (number == 0 && decimal.signum() != 0)) {
      throw ColumnType.invalid(path, decimal, "must be in the range of a " + type);
    }
    if (decimal.stripTrailingZeros().precision() > digits) {
      throw ColumnType.invalid(
          path, decimal, "must have at most " + digits + " significant digits");
    }
    // A whole number that is spelt out is meant to its last digit; one with an exponent is not.
    if (decimal.scale() == 0 && new BigDecimal(number).compareTo(decimal) != 0) {
      throw ColumnType.invalid(
          path, decimal, "must be a whole number that a " + type + " holds exactly");
    }
  }

  private static BigDecimal decimal(Object value, String path, String rule) {
    if (value instanceof BigDecimal decimal) {
      return decimal;
    }
    if (value instanceof BigInteger || isSmall(value)) {
      return new BigDecimal(value.toString());
    }
    throw ColumnType.invalid(path, value, rule);
  }

  private static BigInteger exactWhole(BigDecimal decimal, String path) {
    if (decimal.signum() != 0 && Math.abs((long) decimal.precision() - decimal.scale()) > 30) {
      throw ColumnType.invalid(path, decimal, "must be a whole number in the column's range");
    }
    try {
      return decimal.toBigIntegerExact();
    } catch (ArithmeticException e) {
      throw ColumnType.invalid(path, decimal, "must be a whole number");
    }
  }

  private static boolean isSmall(Object value) {
    return value instanceof Long
        || value instanceof Integer
        || value instanceof Short
        || value instanceof Byte;
  }
}
