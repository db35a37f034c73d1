package io.headpond.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A JVM of its own for what must not see the heap and the compiled code of this one. */
final class Child {
  private static final String MARK = "result ";

  private Child() {}

  /** Runs a main class and returns the results that it reported. */
  static Map<String, Long> run(Class<?> main, List<String> options, String... args)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(System.getProperty("java.home") + "/bin/java");
    command.addAll(options);
    command.addAll(
        List.of(
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path")),
            main.getName()));
    command.addAll(List.of(args));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    Map<String, Long> results = new LinkedHashMap<>();
    try {
      String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int code = process.waitFor();
      for (String line : output.split("\n", -1)) {
        if (line.startsWith(MARK)) {
          String[] words = line.split(" ", -1);
          results.put(words[1], Long.parseLong(words[2]));
        }
      }
      if (code != 0) {
        throw new IOException(main.getSimpleName() + " ended with " + code + ": " + output);
      }
    } finally {
      process.destroyForcibly();
    }
    return results;
  }

  /** In the child: says what was found. */
  static void report(String name, long value) {
    System.out.println(MARK + name + " " + value);
    System.out.flush();
  }

  /** In the child: ends at once, as kill -9 would. */
  static void halt() {
    Runtime.getRuntime().halt(0);
  }
}
