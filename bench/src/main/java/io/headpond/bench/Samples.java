package io.headpond.bench;

import java.util.Arrays;
import java.util.Locale;
import java.util.function.DoubleFunction;

/** The same thing measured several times. Not thread-safe. */
final class Samples {
  private double[] values = new double[0];

  void add(double value) {
    values = Arrays.copyOf(values, values.length + 1);
    values[values.length - 1] = value;
  }

  /** The sample that was taken last. */
  double last() {
    return values[values.length - 1];
  }

  double min() {
    return Arrays.stream(values).min().orElse(Double.NaN);
  }

  double max() {
    return Arrays.stream(values).max().orElse(Double.NaN);
  }

  double median() {
    if (values.length == 0) {
      return Double.NaN;
    }
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  /** Median, then minimum and maximum in brackets. */
  String text(DoubleFunction<String> format) {
    return values.length == 1
        ? format.apply(values[0])
        : format.apply(median()) + " (" + format.apply(min()) + ".." + format.apply(max()) + ")";
  }

  /** With thousands separated, without a fraction. */
  static String whole(double value) {
    return String.format(Locale.ROOT, "%,.0f", value);
  }

  static String ratio(double value) {
    return String.format(Locale.ROOT, "%.2f", value);
  }

  static String seconds(double value) {
    return String.format(Locale.ROOT, "%.2f s", value);
  }

  static String micros(double nanos) {
    return String.format(
        Locale.ROOT,
        nanos < 10_000 ? "%.2f us" : nanos < 100_000 ? "%.1f us" : "%,.0f us",
        nanos / 1_000);
  }
}
