package io.headpond.server;

import io.headpond.ErrorClass;
import java.time.OffsetDateTime;
import java.time.format.DateTimeParseException;
import java.util.Arrays;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** The options that say which dead letters are meant. */
final class LetterOptions {
  @Option(
      names = "--class",
      paramLabel = "CLASS",
      completionCandidates = Classes.class,
      description = "Whose last error is of this class: ${COMPLETION-CANDIDATES}.")
  private @Nullable String errorClass;

  @Option(
      names = "--sqlstate",
      paramLabel = "STATE",
      description = "Whose last error has this SQLSTATE, or one that begins so.")
  private @Nullable String sqlstate;

  @Option(names = "--prefix", paramLabel = "TEXT", description = "Whose keys begin with this.")
  private @Nullable String prefix;

  @Option(
      names = "--since",
      paramLabel = "TIME",
      converter = TimeConverter.class,
      description = "Refused for the last time then or later, such as 2026-01-31T10:15:30Z.")
  private @Nullable String since;

  @Option(
      names = "--before",
      paramLabel = "TIME",
      converter = TimeConverter.class,
      description = "Refused for the last time before.")
  private @Nullable String before;

  /** All classes. */
  static final class Classes implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Arrays.stream(ErrorClass.values()).map(ErrorClass::text).iterator();
    }
  }

  /** Times, in the words of a command line. */
  static final class TimeConverter implements ITypeConverter<String> {
    @Override
    public String convert(String text) {
      try {
        return OffsetDateTime.parse(text).toInstant().toString();
      } catch (DateTimeParseException e) {
        throw new TypeConversionException(
            text + ": must be a time such as 2026-01-31T10:15:30Z or 2026-01-31T12:15:30+02:00");
      }
    }
  }

  boolean isEmpty() {
    return query().isEmpty();
  }

  /** As parameters of a query; the server checks them. */
  Map<String, String> query() {
    Map<String, String> query = new LinkedHashMap<>();
    put(query, "class", errorClass);
    put(query, "sqlstate", sqlstate);
    put(query, "prefix", prefix);
    put(query, "since", since);
    put(query, "before", before);
    return query;
  }

  private static void put(Map<String, String> query, String name, @Nullable String value) {
    if (value != null) {
      query.put(name, value);
    }
  }
}
