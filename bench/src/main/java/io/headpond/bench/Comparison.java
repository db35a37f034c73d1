package io.headpond.bench;

import java.util.List;
import java.util.function.DoubleFunction;

/** A subject and its limit, measured by turns; a ratio is that of one turn. Not thread-safe. */
final class Comparison {
  static final List<String> HEADINGS = List.of("subject", "limit", "ratio", "goal", "");

  private final Samples subject = new Samples();
  private final Samples limit = new Samples();
  private final Samples ratio = new Samples();

  /** Rates of one turn. */
  void add(double subjectRate, double limitRate) {
    subject.add(subjectRate);
    limit.add(limitRate);
    ratio.add(subjectRate / limitRate);
  }

  Samples subject() {
    return subject;
  }

  Samples limit() {
    return limit;
  }

  Samples ratio() {
    return ratio;
  }

  /** The cells below {@link #HEADINGS}; a goal of 0 is none. */
  List<String> cells(double goal) {
    return cells(goal, Samples::whole);
  }

  List<String> cells(double goal, DoubleFunction<String> format) {
    return List.of(
        subject.text(format),
        limit.text(format),
        ratio.text(Samples::ratio),
        goal == 0 ? "-" : Samples.ratio(goal),
        goal == 0 ? "" : ratio.median() >= goal ? "met" : "NOT MET");
  }
}
