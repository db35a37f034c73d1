package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands that documents show for a fresh server are sent to one, as they stand and in their order. */
class DocumentedCommandsIT {
  private static final Pattern SHELL = Pattern.compile("```sh\n(.*?)```", Pattern.DOTALL);
  private static final Pattern WORD = Pattern.compile("'([^']*)'|(\\S+)");
  private static final Pattern URL = Pattern.compile("(?:http://)?localhost:8080(/.*)");

  @TempDir private Path folder;

  @Test
  void everyCurlWorks() throws Exception {
    try (ServerProcess server = ServerProcess.serve(folder)) {
      for (String document : List.of("README.md", "docs/seeds.md")) {
        List<String> commands = curls(Files.readString(Path.of("..", document)));
        assertThat(commands).as(document).hasSizeGreaterThan(2);
        for (String command : commands) {
          Wire.Answer answer = send(server.port(), command);
          assertThat(answer.status()).as(command + "\n" + answer).isBetween(200, 299);
        }
      }
      assertThat(server.terminate().exit()).isZero();
    }
  }

  private static List<String> curls(String document) {
    List<String> curls = new ArrayList<>();
    Matcher block = SHELL.matcher(document);
    while (block.find()) {
      block.group(1).lines().filter(line -> line.startsWith("curl ")).forEach(curls::add);
    }
    return curls;
  }

  /** Does what curl does with these options; any other is an error. */
  private static Wire.Answer send(int port, String command) throws Exception {
    String method = "GET";
    String body = "";
    String target = "";
    Matcher words = WORD.matcher(command);
    words.find();
    while (words.find()) {
      switch (word(words)) {
        case "-i" -> {}
        case "-X" -> method = next(words);
        case "-d" -> body = next(words);
        case "-H" -> assertThat(next(words)).isEqualTo("Content-Type: application/json");
        default -> {
          Matcher url = URL.matcher(word(words));
          assertThat(url.matches()).as(word(words)).isTrue();
          target = url.group(1);
        }
      }
    }
    try (Wire wire = new Wire(port)) {
      return wire.send(method, target, body);
    }
  }

  private static String next(Matcher words) {
    assertThat(words.find()).isTrue();
    return word(words);
  }

  private static String word(Matcher words) {
    return words.group(1) == null ? words.group(2) : words.group(1);
  }
}
