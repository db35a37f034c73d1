package io.headpond.server;

import io.headpond.HeadpondException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/** Workers as a table of 80 columns, a line for each; partitions that nobody has in a line of their own. Stateless. */
final class WorkerTable {
  private static final String ROW = "%-12s  %-21s  %-19s  %-12s  %6s";
  private static final JsonFactory JSON = JsonFactory.builder().build();

  private WorkerTable() {}

  /** @param answer of {@code GET /v1/workers} */
  static String of(String answer) {
    StringBuilder table = new StringBuilder();
    line(table, "DATASET", "WORKER", "SINCE (UTC)", "PARTITIONS", "LAG");
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), answer)) {
      while (parser.nextToken() != null) {
        if (parser.currentToken() == JsonToken.START_OBJECT
            && parser.streamReadContext().getParent().inArray()) {
          dataset(table, parser);
        }
      }
    } catch (JacksonException e) {
      throw new HeadpondException("the server's answer is no JSON; is it a Headpond server?", e);
    }
    return table.toString();
  }

  private static void dataset(StringBuilder table, JsonParser parser) {
    String dataset = "";
    String error = null;
    List<Integer> unowned = new ArrayList<>();
    double unownedLag = 0;
    List<String[]> workers = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      JsonToken value = parser.nextToken();
      switch (name) {
        case "dataset" -> dataset = parser.getString();
        case "error" -> error = parser.getString();
        case "unownedLagSeconds" -> unownedLag = parser.getDoubleValue();
        case "unowned" -> numbers(parser, unowned);
        case "workers" -> {
          while (value == JsonToken.START_ARRAY && parser.nextToken() != JsonToken.END_ARRAY) {
            workers.add(worker(parser));
          }
        }
        default -> parser.skipChildren();
      }
    }
    if (error != null) {
      table.append(String.format("%-12s  %s", dataset, error)).append('\n');
      return;
    }
    String shown = dataset;
    for (String[] worker : workers) {
      line(table, shown, worker[0], worker[1], worker[2], worker[3]);
    }
    if (!unowned.isEmpty() || workers.isEmpty()) {
      line(table, shown, "(nobody)", "", ranges(unowned), lag(unownedLag));
    }
  }

  private static String[] worker(JsonParser parser) {
    String name = "";
    String since = "";
    boolean self = false;
    double lag = 0;
    List<Integer> partitions = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String member = parser.currentName();
      parser.nextToken();
      switch (member) {
        case "name" -> name = parser.getString();
        case "since" -> since = parser.getString();
        case "self" -> self = parser.getBooleanValue();
        case "lagSeconds" -> lag = parser.getDoubleValue();
        case "partitions" -> {
          while (parser.nextToken() != JsonToken.END_ARRAY) {
            Integer partition = partition(parser);
            if (partition != null) {
              partitions.add(partition);
            }
          }
        }
        default -> parser.skipChildren();
      }
    }
    return new String[] {
      name + (self ? "*" : ""),
      since.replaceAll("[.][0-9]*Z|Z", "").replace('T', ' '),
      ranges(partitions),
      lag(lag)
    };
  }

  private static @Nullable Integer partition(JsonParser parser) {
    Integer partition = null;
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String member = parser.currentName();
      parser.nextToken();
      if (member.equals("partition")) {
        partition = parser.getIntValue();
      }
    }
    return partition;
  }

  private static void numbers(JsonParser parser, List<Integer> numbers) {
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      numbers.add(parser.getIntValue());
    }
  }

  /** {@code 0-3,7}; a hyphen alone for none. */
  static String ranges(List<Integer> numbers) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < numbers.size(); i++) {
      int from = numbers.get(i);
      int to = from;
      while (i + 1 < numbers.size() && numbers.get(i + 1) == to + 1) {
        to = numbers.get(++i);
      }
      text.append(text.isEmpty() ? "" : ",").append(from).append(from == to ? "" : "-" + to);
    }
    return text.isEmpty() ? "-" : text.toString();
  }

  private static String lag(double seconds) {
    return seconds < 1_000
        ? String.format(Locale.ROOT, "%.1f s", seconds)
        : String.format(Locale.ROOT, "%.0f m", seconds / 60);
  }

  private static void line(StringBuilder table, Object... cells) {
    table.append(String.format(ROW, cells).stripTrailing()).append('\n');
  }
}
