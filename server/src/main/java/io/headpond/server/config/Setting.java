package io.headpond.server.config;

import io.headpond.ConfigurationException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * A place in a configuration file: knows file, line and path, so that an error can name them. Immutable.
 */
final class Setting {
  private static final int SHOWN = 80;

  private final String file;
  private final String path;
  private final Node node;
  private final Placeholders placeholders;

  Setting(String file, String path, Node node, Placeholders placeholders) {
    this.file = file;
    this.path = path;
    this.node = node;
    this.placeholders = placeholders;
  }

  /** The text of a setting; null if it is not there, or empty: a placeholder whose variable is not set, say. */
  static @Nullable String text(@Nullable Setting setting) {
    if (setting == null || setting.isEmpty()) {
      return null;
    }
    String text = setting.text();
    return text.isEmpty() ? null : text;
  }

  /** The value of a setting; null if it is not there. */
  static <T> @Nullable T value(@Nullable Setting setting, Function<String, T> parser) {
    return setting == null ? null : setting.value(parser);
  }

  String path() {
    return path;
  }

  /** Whether nothing stands behind the colon. */
  boolean isEmpty() {
    return node.getTag().equals(Tag.NULL);
  }

  boolean isMapping() {
    return node instanceof MappingNode;
  }

  /** The settings below, in their order, whatever their names. */
  Map<String, Setting> children() {
    if (!(node instanceof MappingNode mapping)) {
      throw invalid("must be settings, each on a line of its own as `name: value`");
    }
    Map<String, Setting> children = new LinkedHashMap<>();
    for (NodeTuple tuple : mapping.getValue()) {
      if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
        throw at(tuple.getKeyNode(), path, "a name must be text");
      }
      String below = path.isEmpty() ? key.getValue() : path + "." + key.getValue();
      Setting child = new Setting(file, below, tuple.getValueNode(), placeholders);
      if (children.put(key.getValue(), child) != null) {
        throw at(key, below, "stands twice; keep one of them");
      }
    }
    return children;
  }

  /** The settings below, all of whose names must be known. */
  Map<String, Setting> children(Set<String> known) {
    Map<String, Setting> children = children();
    children.forEach(
        (name, child) -> {
          if (!known.contains(name)) {
            throw at(
                child.node,
                child.path,
                "unknown setting; known here are " + String.join(", ", new TreeSet<>(known)));
          }
        });
    return children;
  }

  /** The members of a list. */
  List<Setting> items() {
    if (!(node instanceof SequenceNode sequence)) {
      throw invalid("must be a list, each on a line of its own behind a hyphen");
    }
    List<Setting> items = new ArrayList<>();
    for (Node item : sequence.getValue()) {
      items.add(new Setting(file, path + "[" + items.size() + "]", item, placeholders));
    }
    return items;
  }

  /** The text of the value, placeholders replaced. */
  String text() {
    if (!(node instanceof ScalarNode scalar)) {
      throw invalid("must be one value");
    }
    if (isEmpty()) {
      throw invalid("must have a value");
    }
    try {
      return placeholders.resolve(scalar.getValue());
    } catch (IllegalArgumentException e) {
      throw at(node, path, e.getMessage());
    }
  }

  /** The value, as a parser from {@link Values} reads it. */
  <T> T value(Function<String, T> parser) {
    String text = text();
    try {
      return parser.apply(text);
    } catch (IllegalArgumentException e) {
      throw at(node, path, shown(text) + origin() + ": " + e.getMessage());
    }
  }

  /** An error about this setting that shows its value. */
  ConfigurationException invalid(@Nullable String rule) {
    return at(node, path, shown(raw()) + origin() + ": " + rule);
  }

  /** An error about this setting that does not show its value. */
  ConfigurationException error(String message) {
    return at(node, path, message);
  }

  private ConfigurationException at(Node where, String path, @Nullable String message) {
    return new ConfigurationException(
        file
            + ":"
            + (where.getStartMark().getLine() + 1)
            + ": "
            + (path.isEmpty() ? "" : path + ": ")
            + message);
  }

  private String raw() {
    if (node instanceof ScalarNode) {
      return isEmpty() ? "" : text();
    }
    List<String> names = new ArrayList<>();
    if (node instanceof MappingNode mapping) {
      for (NodeTuple tuple : mapping.getValue()) {
        names.add(tuple.getKeyNode() instanceof ScalarNode key ? key.getValue() : "...");
      }
      return "{" + String.join(", ", names) + "}";
    }
    return node instanceof SequenceNode ? "a list" : "this";
  }

  /** Where a value comes from that does not stand in the file. */
  private String origin() {
    return node instanceof ScalarNode scalar && scalar.getValue().contains("${")
        ? " (" + shown(scalar.getValue()) + ")"
        : "";
  }

  private static String shown(String text) {
    String line = text.replaceAll("\\p{Cntrl}", " ");
    return line.isEmpty()
        ? "\"\""
        : line.length() > SHOWN ? line.substring(0, SHOWN) + "..." : line;
  }
}
