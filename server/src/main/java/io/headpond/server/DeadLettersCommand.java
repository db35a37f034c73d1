package io.headpond.server;

import io.headpond.HeadpondException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code headpond dead-letters}. */
@Command(
    name = "dead-letters",
    description = "Shows what the database has refused for the last time, and what to do with it.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {
      DeadLettersCommand.ListLetters.class,
      DeadLettersCommand.Show.class,
      DeadLettersCommand.Retry.class,
      DeadLettersCommand.Edit.class,
      DeadLettersCommand.Discard.class,
      DeadLettersCommand.Export.class
    })
final class DeadLettersCommand {
  private static final String PATH = "/dead-letters";

  /** The letter of a key in a running server. */
  static final class OneLetter {
    @Mixin private final ApiClient client = new ApiClient();

    @Option(names = "--dataset", required = true, paramLabel = "NAME", description = "Whose.")
    private String dataset = "";

    @Parameters(
        paramLabel = "KEY",
        description = "The text of the key, as lists show it; behind -- if it begins with -.")
    private String key = "";

    /** Its path under the server. */
    String path() {
      return client.dataset(dataset) + PATH + "/" + client.keySegment(dataset, key);
    }
  }

  /** The version of a letter. */
  static final class Version {
    @Option(
        names = "--if-version",
        paramLabel = "N",
        description = "Only if the letter has this version. Default: whichever is there.")
    private @Nullable Long version;

    Map<String, String> query() {
      Map<String, String> query = new LinkedHashMap<>();
      if (version != null) {
        query.put("version", version.toString());
      }
      return query;
    }
  }

  /** {@code headpond dead-letters list}. */
  @Command(
      name = "list",
      description = "Prints dead letters as a table, without their values.",
      mixinStandardHelpOptions = true)
  static final class ListLetters implements Callable<Integer> {
    @Mixin private final ApiClient client = new ApiClient();
    @Mixin private final LetterOptions letters = new LetterOptions();

    @Option(names = "--dataset", paramLabel = "NAME", description = "Only this one. Default: all.")
    private @Nullable String dataset;

    @Option(names = "--after", paramLabel = "KEY", description = "`next` of the page before.")
    private @Nullable String after;

    @Option(names = "--limit", paramLabel = "N", description = "Letters of a page. Default: 100.")
    private int limit = 100;

    @Option(names = "--json", description = "Prints JSON instead.")
    private boolean json;

    @Override
    public Integer call() {
      Map<String, String> query = letters.query();
      query.put("limit", Integer.toString(limit));
      if (after != null) {
        query.put("after", after);
      }
      for (String name : dataset == null ? client.datasets() : List.of(dataset)) {
        String page = client.get(client.dataset(name) + PATH + ApiClient.query(query));
        if (json) {
          System.out.println(ApiClient.pretty(page));
          continue;
        }
        System.out.print(LetterTable.of(name, ApiClient.objects(page, "letters")));
        String next = ApiClient.field(page, "next");
        if (next != null) {
          System.out.println("There are more: " + more(name, next));
        }
      }
      return Cli.DONE;
    }

    /** The command that prints the page behind a key; a shell takes it as it stands. */
    private String more(String name, String next) {
      Map<String, String> options = new LinkedHashMap<>();
      options.put("dataset", name);
      options.putAll(letters.query());
      options.put("limit", Integer.toString(limit));
      options.put("after", next);
      options.putAll(client.options());
      return options.entrySet().stream()
          .map(each -> " --" + each.getKey() + "=" + Welcome.quote(each.getValue()))
          .collect(Collectors.joining("", "headpond dead-letters list", ""));
    }
  }

  /** {@code headpond dead-letters show}. */
  @Command(
      name = "show",
      description = "Prints a dead letter with its value, as JSON.",
      mixinStandardHelpOptions = true)
  static final class Show implements Callable<Integer> {
    @Mixin private final OneLetter letter = new OneLetter();

    @Override
    public Integer call() {
      System.out.println(ApiClient.pretty(letter.client.get(letter.path())));
      return Cli.DONE;
    }
  }

  /** {@code headpond dead-letters retry}. */
  @Command(
      name = "retry",
      description = "Tries dead letters again: those of some keys, those that are meant, or all.",
      mixinStandardHelpOptions = true)
  static final class Retry implements Callable<Integer> {
    @Mixin private final ApiClient client = new ApiClient();
    @Mixin private final LetterOptions letters = new LetterOptions();
    @Mixin private final Version version = new Version();

    @Option(names = "--dataset", required = true, paramLabel = "NAME", description = "Whose.")
    private String dataset = "";

    @Option(names = "--all", description = "All dead letters of the dataset.")
    private boolean all;

    @Parameters(
        paramLabel = "KEY",
        description = "Texts of keys, as lists show them; behind -- if they begin with -.")
    private List<String> keys = List.of();

    @Spec private @Nullable CommandSpec spec;

    @Override
    public Integer call() {
      int ways = (keys.isEmpty() ? 0 : 1) + (all ? 1 : 0) + (letters.isEmpty() ? 0 : 1);
      if (ways != 1) {
        throw new ParameterException(
            Objects.requireNonNull(spec).commandLine(),
            "say which: keys, or a filter such as --class, or --all; one of the three");
      }
      if (!version.query().isEmpty() && keys.size() != 1) {
        throw new ParameterException(
            Objects.requireNonNull(spec).commandLine(),
            "--if-version: there must be one key beside it");
      }
      String path = client.dataset(dataset) + PATH;
      if (keys.isEmpty()) {
        System.err.println("Retrying the dead letters of " + dataset + " ...");
        Map<String, String> query = letters.query();
        if (all) {
          query.put("all", "true");
        }
        String answer = client.post(path + ":retry" + ApiClient.query(query));
        System.out.println("Tried again: " + ApiClient.field(answer, "retried"));
        return Cli.DONE;
      }
      int failed = 0;
      for (String key : keys) {
        try {
          client.post(
              path
                  + "/"
                  + client.keySegment(dataset, key)
                  + ":retry"
                  + ApiClient.query(version.query()));
        } catch (HeadpondException e) {
          failed++;
          System.err.println("headpond: " + key + ": " + e.getMessage());
        }
      }
      System.out.println(
          "Tried again: "
              + (keys.size() - failed)
              + (failed == 0 ? "" : "; not tried again: " + failed));
      return failed == 0 ? Cli.DONE : Cli.ERROR;
    }
  }

  /** {@code headpond dead-letters edit}. */
  @Command(
      name = "edit",
      description = "Writes another value in a dead letter's place, checked as any write.",
      mixinStandardHelpOptions = true)
  static final class Edit implements Callable<Integer> {
    @Mixin private final OneLetter letter = new OneLetter();
    @Mixin private final Version version = new Version();

    @ArgGroup(multiplicity = "1")
    private NewValue change = new NewValue();

    /** One of them. */
    static final class NewValue {
      @Option(
          names = "--value",
          paramLabel = "JSON",
          description = "The new value: an object with the columns, as for a write.")
      private @Nullable String value;

      @Option(names = "--file", paramLabel = "FILE", description = "A file with the new value.")
      private @Nullable Path file;

      @Option(names = "--remove", description = "Removes the entry instead.")
      private boolean remove;
    }

    @Override
    public Integer call() {
      Map<String, String> query = version.query();
      String body = "";
      if (change.remove) {
        query.put("remove", "true");
      } else if (change.file != null) {
        body = read(change.file);
      } else {
        body = Objects.requireNonNull(change.value);
      }
      System.out.println(
          ApiClient.pretty(letter.client.put(letter.path() + ApiClient.query(query), body)));
      return Cli.DONE;
    }

    private static String read(Path file) {
      try {
        return Files.readString(file);
      } catch (IOException e) {
        throw new HeadpondException(
            "--file "
                + file
                + ": cannot be read ("
                + DataFolder.reason(e)
                + "); name a file of UTF-8",
            e);
      }
    }
  }

  /** {@code headpond dead-letters discard}. */
  @Command(
      name = "discard",
      description = {
        "Gives a dead letter up: its value is not written any more, and reads give what the database has.",
        "The letter is kept in a file first, which is printed."
      },
      mixinStandardHelpOptions = true)
  static final class Discard implements Callable<Integer> {
    @Mixin private final OneLetter letter = new OneLetter();
    @Mixin private final Version version = new Version();

    @Option(names = "--reason", required = true, paramLabel = "TEXT", description = "Why.")
    private String reason = "";

    @Option(
        names = "--operator",
        paramLabel = "NAME",
        description = "Who gives it up. Default: the user of the operating system.")
    private @Nullable String operator;

    @Override
    public Integer call() {
      Map<String, String> query = version.query();
      query.put("reason", reason);
      query.put(
          "operator", operator != null ? operator : System.getProperty("user.name", "unknown"));
      String answer = letter.client.delete(letter.path() + ApiClient.query(query));
      System.out.println("Discarded. It is kept in " + ApiClient.field(answer, "file"));
      return Cli.DONE;
    }
  }

  /** {@code headpond dead-letters export}. */
  @Command(
      name = "export",
      description = "Prints dead letters with their values, one line of JSON each.",
      mixinStandardHelpOptions = true)
  static final class Export implements Callable<Integer> {
    private static final int TELL_EACH = 10_000;

    @Mixin private final ApiClient client = new ApiClient();
    @Mixin private final LetterOptions letters = new LetterOptions();

    @Option(names = "--dataset", paramLabel = "NAME", description = "Only this one. Default: all.")
    private @Nullable String dataset;

    @Option(
        names = "--output",
        paramLabel = "FILE",
        description = "A new file for them. Default: standard output.")
    private @Nullable Path output;

    @Override
    public Integer call() {
      List<String> names = dataset == null ? client.datasets() : List.of(dataset);
      if (output == null) {
        return print(names);
      }
      if (Files.exists(output)) {
        throw exists(output);
      }
      Path part = output.resolveSibling(output.getFileName() + ".part");
      try {
        long count;
        try (OutputStream out = Files.newOutputStream(part)) {
          count = export(names, out);
        }
        Files.move(part, output);
        System.err.printf("Exported to %s: %,d%n", output, count);
      } catch (FileAlreadyExistsException e) {
        throw exists(output);
      } catch (IOException e) {
        throw new HeadpondException(
            "--output " + output + ": cannot be written (" + DataFolder.reason(e) + ")", e);
      } finally {
        delete(part);
      }
      return Cli.DONE;
    }

    private int print(List<String> names) {
      try {
        export(names, System.out);
        System.out.flush();
        return Cli.DONE;
      } catch (IOException e) {
        throw new HeadpondException(
            "standard output cannot be written (" + DataFolder.reason(e) + ")", e);
      }
    }

    private static HeadpondException exists(Path output) {
      return new HeadpondException("--output " + output + ": is there already; name another file");
    }

    /** Nothing that is not whole stays. */
    private static void delete(Path part) {
      try {
        Files.deleteIfExists(part);
      } catch (IOException e) {
        // What kept it from being written is told already.
      }
    }

    private long export(List<String> names, OutputStream out) throws IOException {
      long[] count = new long[1];
      for (String name : names) {
        String path = client.dataset(name) + PATH + ":export" + ApiClient.query(letters.query());
        client.lines(
            path,
            line -> {
              out.write((line + "\n").getBytes(java.nio.charset.StandardCharsets.UTF_8));
              if (++count[0] % TELL_EACH == 0 && output != null) {
                System.err.printf("%,d ...%n", count[0]);
              }
            });
      }
      return count[0];
    }
  }
}
