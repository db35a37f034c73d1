package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import org.junit.jupiter.api.Test;

/** {@code docs/api.md} names all that there is. */
class ApiDocTest {
  @Test
  void everyRouteParameterAndProblemIsThere() throws IOException {
    String text = Files.readString(Path.of("..", "docs", "api.md"));
    for (Route route : Routes.all()) {
      assertThat(text).contains("`" + route.method + " " + route.path);
      for (Parameter parameter : route.parameters) {
        String name = parameter.name();
        assertThat(text)
            .as(name)
            .containsAnyOf("`" + name + "`", "`?" + name + "=", "`" + name + ":", "&" + name + "=");
      }
    }
    for (Problem.Kind kind : Problem.Kind.values()) {
      String name = kind.name().toLowerCase(Locale.ROOT).replace('_', '-');
      assertThat(text).containsPattern("\\| " + kind.status() + " \\|.*`" + name + "`");
    }
  }
}
