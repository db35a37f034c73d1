package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** {@code docs/operating.md} has a cure for each problem and each kind of message, and none for what is never said. */
class OperatingDocTest {
  private static final Pattern FIRST_CELL = Pattern.compile("(?m)^\\| (`.*?`)[^`|]*\\| ");
  private static final Pattern QUOTED = Pattern.compile("`([^`]+)`");

  /** One sentence of each family that a command ends with. */
  private static final List<String> FAMILIES =
      List.of(
          "a command is missing",
          "--help",
          "no server answers at",
          "is no URL",
          "is there already; name another file",
          "cannot be read (",
          "say which: keys",
          "say --yes to do it",
          "the letter cannot be kept in",
          "--output ... cannot be written",
          "--off stands alone",
          "was cut before its end",
          "stands behind --",
          "no server that speaks TLS answers there",
          "start once without --outage",
          "unknown setting",
          "there is no such file",
          "is taken by another program",
          "choose one above 1023",
          "say --allow-anonymous",
          "name a store that servers share",
          "is to be kept in Redis, but",
          "check that it runs, and the URL, user and password (--redis-url",
          "was cut: its last line does not count the entries",
          "so nobody is anonymous",
          "its certificate is not trusted",
          "give one with --token or HEADPOND_TOKEN",
          "has characters that no token has",
          "is not the key of the certificate in",
          "is no PEM file that can be read",
          "name different databases",
          "another headpond uses it",
          "choose another with --data-dir",
          "are still pending in",
          "the journal is damaged",
          "older copy",
          "check that it runs",
          "give the right user and password");

  @Test
  void everyProblemHasACure() throws IOException {
    String problems = document().replaceAll("(?s).*### HTTP problems", "");
    for (Problem.Kind kind : Problem.Kind.values()) {
      assertThat(problems)
          .contains("`" + kind.name().toLowerCase(Locale.ROOT).replace('_', '-') + "`");
    }
  }

  @Test
  void everyFamilyOfMessagesHasACure() throws IOException {
    String messages = document().replaceAll("(?s).*\n## Messages and their cures", "");
    assertThat(messages).contains(FAMILIES);
  }

  /** Its words stand in the code, so that a message that was changed is changed here too. */
  @Test
  void whatIsCuredIsSaidByTheCode() throws IOException {
    String code = code();
    String document = document();
    List<String> unsaid = new ArrayList<>();
    for (String section : List.of("## Is it well?", "## Messages and their cures")) {
      String text = document.substring(document.indexOf(section));
      int end = text.indexOf("\n## ");
      text = (end < 0 ? text : text.substring(0, end)).replaceAll("(?s)### HTTP problems.*", "");
      Matcher cell = FIRST_CELL.matcher(text);
      while (cell.find()) {
        Matcher message = QUOTED.matcher(cell.group(1));
        while (message.find()) {
          for (String words : message.group(1).split("\\.\\.\\.|\\(\\)", -1)) {
            String said = words.replaceAll("^[^a-zA-Z]+|[^a-zA-Z]+$", "");
            if (said.length() > 6 && !code.contains(said)) {
              unsaid.add(said);
            }
          }
        }
      }
    }
    assertThat(unsaid).isEmpty();
  }

  /** All strings of the product, those that are put together of several lines as one. */
  private static String code() throws IOException {
    StringBuilder code = new StringBuilder();
    for (String module : List.of("core", "jdbc", "embedded-postgres", "redis", "server")) {
      try (Stream<Path> files = Files.walk(Path.of("..", module, "src", "main", "java"))) {
        for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
          code.append(Files.readString(file));
        }
      }
    }
    return code.toString().replaceAll("\"\\s*\\+ \"", "");
  }

  private static String document() throws IOException {
    return Files.readString(Path.of("..", "docs", "operating.md"));
  }
}
