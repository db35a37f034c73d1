package io.headpond.server.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/configuration.md and docs/seeds.md name what is read, all of it and nothing else. */
class ConfigurationGuideTest {
  private static final Pattern FIRST_CELL = Pattern.compile("(?m)^\\| `([^`]+)` \\|");

  @Test
  void everySettingOfADatasetIsTold() throws IOException {
    String guide = read("configuration.md");
    String table = guide.substring(guide.indexOf("## A dataset"));
    assertThat(all(FIRST_CELL, table)).isEqualTo(new TreeSet<>(ConfigFile.DATASET));
  }

  @Test
  void everySettingOfTheServerIsTold() throws IOException {
    String guide = read("configuration.md");
    Set<String> told = all(Pattern.compile("`((?:server|database|redis|lab)\\.[A-Za-z]+)`"), guide);
    Set<String> known = new TreeSet<>();
    ConfigFile.SERVER.forEach(name -> known.add("server." + name));
    ConfigFile.DATABASE.forEach(name -> known.add("database." + name));
    ConfigFile.REDIS.forEach(name -> known.add("redis." + name));
    ConfigFile.LAB.forEach(name -> known.add("lab." + name));
    assertThat(told).isEqualTo(known);
  }

  @Test
  void theExampleIsValid() throws IOException {
    Matcher yaml =
        Pattern.compile("```yaml\n(.*?)```", Pattern.DOTALL).matcher(read("configuration.md"));
    assertThat(yaml.find()).isTrue();
    ConfigFile file = ConfigFile.parse("example", yaml.group(1), Map.of("SHOP_PASSWORD", "secret"));
    assertThat(file.datasets().get(0).keySequence()).isEqualTo("public.product_ids");
    assertThat(file.database().url()).isEqualTo("postgres://shop:secret@db.example:5432/shop");
  }

  @Test
  void everyVariableOfTheShippedFileIsTold() throws IOException {
    String shipped;
    try (InputStream in = ConfigFile.class.getResourceAsStream("/headpond.yaml")) {
      shipped = new String(in.readAllBytes(), StandardCharsets.UTF_8);
    }
    Set<String> read = all(Pattern.compile(": \\$\\{([A-Z_]+):"), shipped);
    String seeds = read("seeds.md");
    Set<String> told = all(FIRST_CELL, seeds.substring(seeds.indexOf("\n## Settings")));
    assertThat(told).isEqualTo(read);
  }

  private static Set<String> all(Pattern pattern, String text) {
    Set<String> found = new TreeSet<>();
    Matcher matcher = pattern.matcher(text);
    while (matcher.find()) {
      found.add(matcher.group(1));
    }
    return found;
  }

  private static String read(String document) throws IOException {
    return Files.readString(Path.of("..", "docs", document));
  }
}
