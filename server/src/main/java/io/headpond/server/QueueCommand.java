package io.headpond.server;

import io.headpond.ConfigurationException;
import io.headpond.HeadpondException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code headpond queue}: what is pending and parked, by hand. */
@Command(
    name = "queue",
    description = "Copies, gives up or puts back what is pending and parked in a running server.",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    subcommands = {QueueCommand.Backup.class, QueueCommand.Purge.class, QueueCommand.Restore.class})
final class QueueCommand {
  private static final String PATH = "/queue";

  /** {@code headpond queue backup}. */
  @Command(
      name = "backup",
      description = {
        "Writes all pending and parked entries of a dataset with their values, a line of JSON for each.",
        "Writes go on: each entry as it is when its turn comes. `queue restore` puts them back."
      },
      mixinStandardHelpOptions = true)
  static final class Backup implements Callable<Integer> {
    @Mixin private final ApiClient client = new ApiClient();

    @Option(names = "--dataset", required = true, paramLabel = "NAME", description = "Whose.")
    private String dataset = "";

    @Option(
        names = "--file",
        paramLabel = "FILE",
        description = "A new file for them. Default: standard output.")
    private @Nullable Path file;

    @Override
    public Integer call() {
      if (file == null) {
        try {
          write(System.out);
        } catch (IOException e) {
          throw new HeadpondException(
              "standard output cannot be written (" + DataFolder.reason(e) + ")", e);
        }
        System.out.flush();
        return Cli.DONE;
      }
      if (Files.exists(file)) {
        throw exists(file);
      }
      Path part = file.resolveSibling(file.getFileName() + ".part");
      try {
        String last;
        try (OutputStream out = Files.newOutputStream(part)) {
          last = write(out);
        }
        Files.move(part, file);
        System.err.println("Backed up to " + file + ": " + ApiClient.field(last, "entries"));
      } catch (FileAlreadyExistsException e) {
        throw exists(file);
      } catch (IOException e) {
        throw new HeadpondException(
            "--file " + file + ": cannot be written (" + DataFolder.reason(e) + ")", e);
      } finally {
        try {
          Files.deleteIfExists(part);
        } catch (IOException e) {
          // What kept it from being written is told already.
        }
      }
      return Cli.DONE;
    }

    private static HeadpondException exists(Path file) {
      return new HeadpondException("--file " + file + ": is there already; name another file");
    }

    /** Returns the last line, which counts the others. */
    private String write(OutputStream out) throws IOException {
      String[] last = new String[1];
      client.lines(
          client.dataset(dataset) + PATH + ":backup",
          line -> {
            last[0] = line;
            out.write((line + "\n").getBytes(StandardCharsets.UTF_8));
          });
      if (last[0] == null || ApiClient.field(last[0], "entries") == null) {
        throw new HeadpondException("the backup was cut before its end; ask again");
      }
      return last[0];
    }
  }

  /** {@code headpond queue purge}. */
  @Command(
      name = "purge",
      description = {
        "Gives up all pending and parked entries of a dataset: they are not written to the database any more.",
        "They are kept in a file in the server's data folder first, which `queue restore` takes. What a batch",
        "carries at that moment stays. Entries that are written meanwhile may stay or go."
      },
      mixinStandardHelpOptions = true)
  static final class Purge implements Callable<Integer> {
    @Mixin private final ApiClient client = new ApiClient();

    @Option(names = "--dataset", required = true, paramLabel = "NAME", description = "Whose.")
    private String dataset = "";

    @Option(names = "--yes", description = "Do it; without this it only says what it would do.")
    private boolean yes;

    @Option(
        names = "--reason",
        paramLabel = "TEXT",
        description = "Why; stands in the file. Default: queue purge.")
    private String reason = "queue purge";

    @Option(
        names = "--operator",
        paramLabel = "NAME",
        description = "Who; stands in the file. Default: the user of the operating system.")
    private @Nullable String operator;

    @Override
    public Integer call() {
      if (!yes) {
        String status = client.get(client.dataset(dataset));
        System.out.println(
            "Would be given up: "
                + ApiClient.field(status, "pendingEntries")
                + " pending entries and "
                + ApiClient.field(status, "parked")
                + " dead letters of "
                + dataset
                + ".");
        throw new ConfigurationException("nothing was done; say --yes to do it");
      }
      Map<String, String> query = new LinkedHashMap<>();
      query.put("reason", reason);
      query.put(
          "operator", operator != null ? operator : System.getProperty("user.name", "unknown"));
      String[] last = new String[1];
      try {
        client.postLines(
            client.dataset(dataset) + PATH + ":purge" + ApiClient.query(query),
            line -> {
              last[0] = line;
              if ("false".equals(ApiClient.field(line, "done"))) {
                System.err.println(ApiClient.field(line, "purged") + " ...");
              }
            });
      } catch (IOException e) {
        throw new HeadpondException("the answer cannot be read", e);
      }
      String end = last[0];
      if (end == null || !"true".equals(ApiClient.field(end, "done"))) {
        throw new HeadpondException(
            "the purge was cut before its end; what was purged is kept in the data folder. Ask again");
      }
      String file = ApiClient.field(end, "file");
      String underWay = Objects.requireNonNullElse(ApiClient.field(end, "underWay"), "0");
      System.out.println(
          "Purged: "
              + ApiClient.field(end, "purged")
              + (file == null ? "." : ". They are kept in " + file + " of the server.")
              + (underWay.equals("0")
                  ? ""
                  : " Under way to the database, and not purged: " + underWay + "."));
      return Cli.DONE;
    }
  }

  /** {@code headpond queue restore}. */
  @Command(
      name = "restore",
      description = {
        "Writes the entries of a backup, or of what was purged, once more.",
        "Each only if nothing newer of its key is there, neither in the database nor pending. It can be done again: what is restored is skipped then."
      },
      mixinStandardHelpOptions = true)
  static final class Restore implements Callable<Integer> {
    private static final int PART = 500;
    private static final int PART_CHARS = 4 << 20;

    @Mixin private final ApiClient client = new ApiClient();

    @Option(names = "--dataset", required = true, paramLabel = "NAME", description = "Whose.")
    private String dataset = "";

    @Option(names = "--file", required = true, paramLabel = "FILE", description = "The backup.")
    private Path file = Path.of("");

    @Option(
        names = "--even-if-cut",
        description = "Also a file whose last line, which counts the entries, is missing.")
    private boolean evenIfCut;

    private long restored;
    private long older;
    private long refused;

    /** Lines of the file that are sent together. */
    private final List<String> part = new ArrayList<>();

    private long chars;
    private long firstOfPart = 2;
    private @Nullable PrintStream bad;

    private Path badFile() {
      return file.resolveSibling(file.getFileName() + ".refused");
    }

    @Override
    public Integer call() {
      long entries = check();
      try (BufferedReader in = Files.newBufferedReader(file)) {
        String header = Objects.requireNonNull(in.readLine());
        send(header);
        for (long i = 0; i < entries; i++) {
          String line = Objects.requireNonNull(in.readLine());
          part.add(line);
          chars += line.length();
          if (part.size() == PART || chars > PART_CHARS) {
            send(header);
          }
        }
        send(header);
      } catch (IOException e) {
        throw unreadable(e);
      } finally {
        if (bad != null) {
          bad.close();
        }
      }
      System.out.println(
          "Restored: "
              + restored
              + "; skipped, since what is there is as new or newer: "
              + older
              + "; refused: "
              + refused
              + (refused == 0 ? "." : ", with the reasons in " + badFile() + "."));
      return refused == 0 ? Cli.DONE : Cli.ERROR;
    }

    /** The number of entries; nothing is sent of a file that is not whole, unless that is meant. */
    private long check() {
      long lines = 0;
      String last = "";
      try (BufferedReader in = Files.newBufferedReader(file)) {
        for (String line = in.readLine(); line != null; line = in.readLine()) {
          lines++;
          last = line;
        }
      } catch (IOException e) {
        throw unreadable(e);
      }
      if (lines == 0) {
        throw new HeadpondException("--file " + file + ": is empty; name a backup");
      }
      String counted = last.startsWith("{\"entries\":") ? ApiClient.field(last, "entries") : null;
      if (counted == null && !evenIfCut) {
        throw new HeadpondException(
            "--file "
                + file
                + ": was cut: its last line does not count the entries. Take a whole one, or say"
                + " --even-if-cut");
      }
      long entries = lines - 1 - (counted == null ? 0 : 1);
      if (counted != null && !counted.equals(Long.toString(entries))) {
        throw new HeadpondException(
            "--file "
                + file
                + ": has "
                + entries
                + " entries, and its last line counts "
                + counted);
      }
      return entries;
    }

    private HeadpondException unreadable(IOException e) {
      return new HeadpondException(
          "--file " + file + ": cannot be read (" + DataFolder.reason(e) + "); name a backup", e);
    }

    /** The first time nothing but the header: what is of another dataset is refused at once. */
    private void send(String header) throws IOException {
      String answer =
          client.postLines(
              client.dataset(dataset) + PATH + ":restore",
              header + "\n" + String.join("\n", part) + (part.isEmpty() ? "" : "\n"));
      restored += number(answer, "restored");
      older += number(answer, "older");
      for (Map<String, String> each : ApiClient.objects(answer, "refused")) {
        refused++;
        int at = Integer.parseInt(each.getOrDefault("line", "2")) - 2;
        bad()
            .println(
                "line " + (firstOfPart + at) + ": " + each.get("reason") + "\t" + part.get(at));
      }
      firstOfPart += part.size();
      if (part.size() == PART) {
        System.err.println((firstOfPart - 2) + " ...");
      }
      part.clear();
      chars = 0;
    }

    private PrintStream bad() throws IOException {
      PrintStream out = bad;
      if (out == null) {
        out = new PrintStream(Files.newOutputStream(badFile()), false, StandardCharsets.UTF_8);
        bad = out;
      }
      return out;
    }

    private static long number(String answer, String name) {
      return Long.parseLong(Objects.requireNonNullElse(ApiClient.field(answer, name), "0"));
    }
  }
}
