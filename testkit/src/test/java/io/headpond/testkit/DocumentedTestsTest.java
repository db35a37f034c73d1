package io.headpond.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The documents name tests for what they promise: each of these tests is there. */
class DocumentedTestsTest {
  private static final Path ROOT = Path.of("..");
  private static final Pattern NAMED =
      Pattern.compile("`([A-Z][A-Za-z0-9]*[a-z0-9](?:Test|IT))(?:\\.([a-z][A-Za-z0-9]*))?`");
  private static final Pattern ROW = Pattern.compile("\\| (\\d+) \\|.*");

  @Test
  void eachTestThatTheDocumentsNameIsThere() throws IOException {
    Map<String, String> sources = testSources();
    List<String> missing = new ArrayList<>();
    for (String document : List.of("docs/guarantees.md", "docs/hazards.md")) {
      Matcher named = NAMED.matcher(Files.readString(ROOT.resolve(document)));
      int count = 0;
      while (named.find()) {
        count++;
        String source = sources.get(named.group(1));
        String method = named.group(2);
        if (source == null || (method != null && !source.contains("void " + method + "("))) {
          missing.add(document + ": " + named.group());
        }
      }
      assertThat(count).as(document).isGreaterThan(20);
    }
    assertThat(missing).isEmpty();
  }

  @Test
  void eachHazardHasATest() throws IOException {
    List<Integer> proven = new ArrayList<>();
    for (String line : Files.readAllLines(ROOT.resolve("docs/hazards.md"))) {
      Matcher row = ROW.matcher(line);
      if (row.matches() && NAMED.matcher(line).find()) {
        proven.add(Integer.valueOf(row.group(1)));
      }
    }
    // 25 is about MySQL.
    assertThat(proven)
        .containsAll(IntStream.rangeClosed(1, 37).filter(n -> n != 25).boxed().toList());
  }

  private static Map<String, String> testSources() throws IOException {
    Map<String, String> sources = new HashMap<>();
    for (String module :
        List.of("core", "testkit", "embedded-postgres", "jdbc", "redis", "server")) {
      try (Stream<Path> files = Files.walk(ROOT.resolve(module).resolve("src"))) {
        for (Path file : files.filter(f -> f.toString().endsWith(".java")).toList()) {
          sources.put(file.getFileName().toString().replace(".java", ""), Files.readString(file));
        }
      }
    }
    return sources;
  }
}
