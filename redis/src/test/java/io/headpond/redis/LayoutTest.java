package io.headpond.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.DatabaseError;
import io.headpond.Durability;
import io.headpond.ErrorClass;
import io.headpond.RequestId;
import io.headpond.RowType;
import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestServer;
import io.headpond.spi.Failure;
import io.headpond.spi.HotStoreFactory.Settings;
import io.headpond.spi.Mutation;
import io.headpond.spi.Write;
import io.headpond.spi.WriteOutcome;
import io.headpond.testkit.ManualEnvironment;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletionStage;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The keys are those that docs/design.md names, with these types, and the commands that stand there say what they are said to. */
class LayoutTest {
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.TEXT).column("text", ColumnType.TEXT).build();
  private static final Pattern ROW =
      Pattern.compile("\\| `((?:prefix|P)[^`]*)` \\| (hash|string|sorted set) \\|.*");

  private final ManualEnvironment environment = new ManualEnvironment();
  private final StoreFixture fixture = new StoreFixture(Target.one(ServerBinary.REDIS_6_2));
  private final TestServer server = fixture.server();

  private <T extends @Nullable Object> T await(CompletionStage<T> stage) {
    return StoreFixture.await(environment, stage);
  }

  private static String document() throws IOException {
    String text = Files.readString(Path.of("..", "docs", "design.md"));
    int from = text.indexOf("### Layout");
    return text.substring(from, text.indexOf("###", from + 3));
  }

  @Test
  void theDocumentNamesAllKeysAndTheirTypes() throws IOException {
    Map<String, String> documented = new HashMap<>();
    for (String line : document().lines().toList()) {
      Matcher row = ROW.matcher(line);
      if (row.matches()) {
        documented.put(row.group(1), row.group(2));
      }
    }
    RedisStore store = fixture.factory().open(settings());
    fill(store);
    Set<String> found = new TreeSet<>();
    for (Object key : (List<?>) server.call("KEYS", fixture.prefix + ":*")) {
      String partition = fixture.prefix + ":{things:0}";
      String name =
          key.toString()
              .replace(partition, "P")
              .replace(fixture.prefix + ":{things}", "prefix:{dataset}")
              .replaceFirst("^P:entry:.*", "P:entry:K")
              .replaceFirst("^P:(request|claim):.*", "P:$1:ID");
      String type = String.valueOf(server.call("TYPE", key.toString()));
      assertThat(type.replace("zset", "sorted set"))
          .as(name + " in docs/design.md")
          .isEqualTo(documented.get(name));
      found.add(name);
    }
    assertThat(found).isEqualTo(new TreeSet<>(documented.keySet()));
    store.close();
  }

  @Test
  void theCommandsThatAreDocumentedSayWhatIsThere() throws IOException {
    RedisStore store = fixture.factory().open(settings());
    fill(store);
    Map<String, Object> answers = new HashMap<>();
    Matcher command = Pattern.compile("`([A-Z]+ write_queue:[^`]*)`").matcher(document());
    while (command.find()) {
      String[] words =
          command
              .group(1)
              .replace("write_queue:{kv:", fixture.prefix + ":{things:")
              .replace(" K", " parked")
              .split(" ");
      answers.put(words[0], server.call(words));
    }
    assertThat(answers)
        .hasSize(3)
        .containsEntry("ZCARD", 2L)
        .containsEntry("ZRANGE", List.of("conflict", "parked"));
    assertThat(answers.get("HGET")).asString().contains("too long");
    store.close();
  }

  private Settings settings() {
    return new Settings(
        "things", TYPE, 1, 100, 1 << 20, 0, Duration.ofMinutes(1), 10, "id", environment);
  }

  private void fill(RedisStore store) {
    await(store.open(0, 1, 0, false));
    put(store, "ready", Durability.DISK, null);
    put(store, "asked", Durability.DISK, new RequestId("r", "body"));
    await(
        store.defer(
            0, 1, put(store, "deferred", Durability.DISK, null), 9, 1, failure(ErrorClass.VALUE)));
    await(
        store.park(
            0, 1, put(store, "parked", Durability.DISK, null), 1, failure(ErrorClass.VALUE)));
    await(
        store.park(
            0, 1, put(store, "conflict", Durability.DISK, null), 1, failure(ErrorClass.CONFLICT)));
    put(store, "staged", Durability.DATABASE, null);
    await(store.get(TYPE.key("missing")));
  }

  private static Failure failure(ErrorClass errorClass) {
    return new Failure(DatabaseError.of(errorClass, "too long"), 7);
  }

  private Mutation put(
      RedisStore store, String id, Durability durability, @Nullable RequestId request) {
    Write write = new Write(TYPE.key(id), TYPE.rowOf("1"), durability, false, null, request);
    return ((WriteOutcome.Written) await(store.put(write))).mutation();
  }
}
