package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.server.lab.Lab;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** {@code docs/api.md} names all that there is. */
class ApiDocTest {
  @Test
  void everyRouteParameterAndProblemIsThere() throws IOException {
    String text = Files.readString(Path.of("..", "docs", "api.md"));
    Set<String> missing = new TreeSet<>();
    for (Route route : Routes.all(new Lab(), new Exports())) {
      if (route.documented && !text.contains("`" + route.method + " " + route.path)) {
        missing.add(route.method + " " + route.path);
      }
      for (Parameter parameter : route.parameters) {
        String name = Pattern.quote(parameter.name());
        if (!Pattern.compile("`[?]?" + name + "[`=:]").matcher(text).find()) {
          missing.add(route.name + ": " + parameter.name());
        }
      }
    }
    for (Problem.Kind kind : Problem.Kind.values()) {
      String name = kind.name().toLowerCase(Locale.ROOT).replace('_', '-');
      String row = "\\| " + kind.status() + " \\|.*`" + name + "`";
      if (!Pattern.compile(row).matcher(text).find()) {
        missing.add(kind.status() + " " + name);
      }
    }
    assertThat(missing).isEmpty();
  }
}
