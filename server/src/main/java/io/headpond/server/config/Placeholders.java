package io.headpond.server.config;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Replaces <code>${NAME}</code> and <code>${NAME:default}</code> in a text by environment variables. An empty variable
 * counts as none. <code>$${</code> stands for a literal <code>${</code>. Immutable.
 */
record Placeholders(Map<String, String> environment) {
  private static final Pattern PLACEHOLDER =
      Pattern.compile("\\$\\$\\{|\\$\\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?}|\\$\\{");

  Placeholders {
    environment = Map.copyOf(environment);
  }

  /**
   * The text with its placeholders replaced, once: what a variable holds is not looked at again.
   *
   * @throws IllegalArgumentException with the rule, if a variable is not set and has no default
   */
  String resolve(String text) {
    if (!text.contains("${")) {
      return text;
    }
    Matcher matcher = PLACEHOLDER.matcher(text);
    StringBuilder out = new StringBuilder();
    while (matcher.find()) {
      matcher.appendReplacement(out, Matcher.quoteReplacement(replacement(matcher)));
    }
    return matcher.appendTail(out).toString();
  }

  private String replacement(Matcher matcher) {
    if (matcher.group().equals("$${")) {
      return "${";
    }
    String name = matcher.group(1);
    if (name == null) {
      throw new IllegalArgumentException("a placeholder must be ${NAME} or ${NAME:default}");
    }
    String value = environment.get(name);
    if (value != null && !value.isEmpty()) {
      return value;
    }
    if (matcher.group(2) == null) {
      throw new IllegalArgumentException(
          "the environment variable "
              + name
              + " is not set; set it or give a default: ${"
              + name
              + ":...}");
    }
    return matcher.group(2);
  }
}
