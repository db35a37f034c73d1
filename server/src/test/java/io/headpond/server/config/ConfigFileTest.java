package io.headpond.server.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.CacheSettings;
import io.headpond.ColumnType;
import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.Overload;
import io.headpond.server.lab.LabSettings;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigFileTest {
  private static final String MINIMAL = "datasets: {d: {key: {id: bigint}}}";

  @Test
  void theShippedFileHasKvAndProducts() {
    ConfigFile file = ConfigFile.shipped(Map.of());

    assertThat(file.database().url()).isNull();
    assertThat(file.datasets()).hasSize(2);
    DatasetConfig kv = file.datasets().get(0);
    assertThat(kv.table()).isEqualTo("kv");
    assertThat(kv.rowType().toString()).isEqualTo("RowType{key=text key, value=text}");
    assertThat(kv.versionColumn()).isEqualTo("version");
    assertThat(kv.updatedAtColumn()).isEqualTo("updated_at");
    assertThat(kv.onCreate()).isNull();
    assertThat(kv.settings()).isEqualTo(seedSettings("kv").build());
    DatasetConfig products = file.datasets().get(1);
    assertThat(products.table()).isEqualTo("products");
    assertThat(products.rowType().toString())
        .isEqualTo(
            "RowType{id=text key, name=text not null, price=numeric not null, quantity=integer not"
                + " null}");
    assertThat(products.onCreate()).contains("insert into products");
    assertThat(products.settings()).isEqualTo(seedSettings("products").build());
  }

  private static CacheSettings.Builder seedSettings(String name) {
    return CacheSettings.builder(name)
        .maxBatchSize(10)
        .linger(Duration.ofSeconds(1))
        .maxRetries(3)
        .retryDelay(Duration.ofSeconds(1));
  }

  @Test
  void theVariablesOfTheSeedsArePlaceholdersOfTheShippedFile() {
    ConfigFile file =
        ConfigFile.shipped(
            Map.of(
                "DATABASE_URL", "postgres://u:p@h:5437/db",
                "BATCH_SIZE", "25",
                "BATCH_TIMEOUT", "0.25",
                "WORKER_POLL_INTERVAL", "0.5",
                "MAX_RETRIES", "0",
                "RETRY_DELAY", "0.1",
                "WRITE_BEHIND_ENABLED", "false"));

    assertThat(file.database().url()).isEqualTo("postgres://u:p@h:5437/db");
    for (DatasetConfig dataset : file.datasets()) {
      assertThat(dataset.settings())
          .isEqualTo(
              CacheSettings.builder(dataset.name())
                  .durability(dataset.name().equals("products") ? Durability.DATABASE : null)
                  .maxBatchSize(25)
                  .linger(Duration.ofMillis(250))
                  .maxRetries(0)
                  .retryDelay(Duration.ofMillis(100))
                  .build());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          BATCH_SIZE           | ten  | datasets.kv.maxBatchSize: ten (${BATCH_SIZE:10}): must be a whole number
          BATCH_SIZE           | 0    | datasets.kv.maxBatchSize: 0 (${BATCH_SIZE:10}): must be from 1 to 30000
          BATCH_TIMEOUT        | -1   | datasets.kv.linger: -1 (${BATCH_TIMEOUT:1.0}): must be a duration
          WORKER_POLL_INTERVAL | often| datasets.kv.pollInterval: often (${WORKER_POLL_INTERVAL:0.1}): must be a duration
          MAX_RETRIES          | 1.5  | datasets.kv.maxRetries: 1.5 (${MAX_RETRIES:3}): must be a whole number
          RETRY_DELAY          | 0    | datasets.kv.retryDelay: 0 (${RETRY_DELAY:1.0}): must be from PT0.001S
          SIMULATE_DB_FAILURE  | yes  | lab.simulateFailures: yes (${SIMULATE_DB_FAILURE:false}): must be true or false
          FAILURE_RATE         | 1.01 | lab.failureRate: 1.01 (${FAILURE_RATE:0.5}): must be a number from 0 to 1
          FAILURE_RATE         | half | lab.failureRate: half (${FAILURE_RATE:0.5}): must be a number from 0 to 1
          WRITE_BEHIND_ENABLED | no   | datasets.products.writeBehind: no (${WRITE_BEHIND_ENABLED:true}): must be true or false
          """)
  void aWrongVariableIsNamed(String variable, String value, String message) {
    assertThatThrownBy(() -> ConfigFile.shipped(Map.of(variable, value)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageStartingWith("headpond.yaml (shipped):")
        .hasMessageContaining(message);
  }

  @Test
  void writeBehindIsADurability() {
    assertThat(durability("writeBehind: false")).isEqualTo(Durability.DATABASE);
    assertThat(durability("writeBehind: TRUE")).isNull();
    assertThat(durability("writeBehind: true, durability: journal")).isEqualTo(Durability.JOURNAL);
    assertThat(durability("writeBehind: false, durability: database"))
        .isEqualTo(Durability.DATABASE);
    assertThatThrownBy(() -> durability("writeBehind: false, durability: disk"))
        .hasMessage(
            "c.yaml:1: datasets.d.writeBehind: false: contradicts durability: disk; keep one of"
                + " them");
    assertThatThrownBy(() -> durability("writeBehind: true, durability: database"))
        .hasMessageContaining("true: contradicts durability: database");
  }

  private static Durability durability(String settings) {
    return parse("datasets: {d: {key: {id: bigint}, " + settings + "}}")
        .datasets()
        .get(0)
        .settings()
        .durability();
  }

  @Test
  void whatIsNotSaidHasTheEnginesDefaults() {
    ConfigFile file = parse(MINIMAL);
    DatasetConfig dataset = file.datasets().get(0);

    assertThat(dataset.settings()).isEqualTo(CacheSettings.defaults("d"));
    assertThat(dataset.table()).isEqualTo("d");
    assertThat(dataset.versionColumn()).isNull();
    assertThat(dataset.updatedAtColumn()).isNull();
    assertThat(file.server().host()).isNull();
    assertThat(file.database().url()).isNull();
  }

  @Test
  void theServersDefaults() {
    ServerConfig config = Overrides.none().over(parse(MINIMAL), Map.of(), null);

    assertThat(config.listen().host()).isEqualTo("127.0.0.1");
    assertThat(config.listen().port()).isEqualTo(8_080);
    assertThat(config.dataDir()).isEqualTo(Path.of("data").toAbsolutePath());
    assertThat(config.drainTimeout()).isEqualTo(Duration.ofSeconds(30));
    assertThat(config.database()).isNull();
    assertThat(config.leaseTtl()).isNull();
    assertThat(config.lab()).isEqualTo(LabSettings.OFF);
    assertThat(Overrides.none().over(parse(MINIMAL), Map.of(), "/opt/headpond").dataDir())
        .isEqualTo(Path.of("/opt/headpond/data"));
  }

  @Test
  void everySettingIsRead() {
    ConfigFile file =
        parse(
            """
            server: {host: localhost, port: 81, dataDir: /tmp/d, drainTimeout: 2m}
            database: {url: "jdbc:postgresql://h/db", user: u, password: "${SECRET}", leaseTtl: 5s}
            lab: {simulateFailures: true, failureRate: 0.25}
            datasets:
              prices:
                table: shop.prices
                key: {shop: integer, sku: text(20)}
                columns: {price: "numeric(10,2) not null", note: text, at: timestamptz NOT NULL}
                versionColumn: v
                updatedAtColumn: at_time
                keySequence: shop.price_ids
                onCreate: create index on prices (note)
                durability: disk
                writeBehind: true
                linger: 0.5
                maxBatchSize: 7
                maxRetries: 2
                retryDelay: 100ms
                pollInterval: 1
                maxPendingEntries: 9
                maxPendingBytes: 2MiB
                maxRequestBytes: 8KiB
                overload: {wait: 250ms}
                targetLag: 2s
                ttl: 90m
                cacheSize: 5
                partitions: 3
                tenant: shop
              other:
                key: {id: uuid}
                overload: reject
            """,
            Map.of("SECRET", "s: #3cr${et"));

    assertThat(file.server().port()).isEqualTo(81);
    assertThat(file.database().leaseTtl()).isEqualTo(Duration.ofSeconds(5));
    assertThat(file.lab()).isEqualTo(new LabSettings(true, 0.25, false));
    assertThat(file.database().password()).isEqualTo("s: #3cr${et");
    assertThat(file.server().drainTimeout()).isEqualTo(Duration.ofMinutes(2));
    DatasetConfig prices = file.datasets().get(0);
    assertThat(prices.table()).isEqualTo("shop.prices");
    assertThat(prices.rowType().keyColumns()).hasSize(2);
    assertThat(prices.rowType().keyColumns().get(1).type()).isEqualTo(ColumnType.text(20));
    assertThat(prices.rowType().valueColumns().get(0).type()).isEqualTo(ColumnType.numeric(10, 2));
    assertThat(prices.rowType().valueColumns().get(0).nullable()).isFalse();
    assertThat(prices.rowType().valueColumns().get(1).nullable()).isTrue();
    assertThat(prices.rowType().valueColumns().get(2).nullable()).isFalse();
    assertThat(prices.settings())
        .isEqualTo(
            CacheSettings.builder("prices")
                .durability(Durability.DISK)
                .linger(Duration.ofMillis(500))
                .maxBatchSize(7)
                .maxRetries(2)
                .retryDelay(Duration.ofMillis(100))
                .maxPendingEntries(9)
                .maxPendingBytes(2L << 20)
                .overload(Overload.waitFor(Duration.ofMillis(250)))
                .targetLag(Duration.ofSeconds(2))
                .ttl(Duration.ofMinutes(90))
                .cacheSize(5)
                .partitions(3)
                .tenant("shop")
                .build());
    assertThat(prices.keySequence()).isEqualTo("shop.price_ids");
    assertThat(prices.maxRequestBytes()).isEqualTo(8_192);
    assertThat(prices.onCreate()).isEqualTo("create index on prices (note)");
    assertThat(file.datasets().get(1).keySequence()).isNull();
    assertThat(file.datasets().get(1).settings().overload()).isEqualTo(Overload.reject());
  }

  @Test
  void flagsWinOverTheEnvironmentAndThatOverTheFile() {
    ConfigFile file = parse("server: {port: 1, drainTimeout: 1s, dataDir: /f}\n" + MINIMAL);
    Map<String, String> environment = Map.of("HEADPOND_PORT", "2", "HEADPOND_DRAIN_TIMEOUT", "2s");

    ServerConfig config =
        new Overrides(new ServeFlags(null, 3, null, false, null, null), null, null, null)
            .over(file, environment, null);

    assertThat(config.listen().port()).isEqualTo(3);
    assertThat(config.drainTimeout()).isEqualTo(Duration.ofSeconds(2));
    assertThat(config.dataDir()).isEqualTo(Path.of("/f"));
  }

  @Test
  void theDatabaseIsTheFlagsThenTheEnvironmentsThenTheFiles() {
    String flag = "postgres://flag/db";
    String ours = "postgres://ours/db";
    String common = "postgres://common/db";
    assertThat(database(null, null, null)).isNull();
    assertThat(database(null, null, common)).isEqualTo("//common/db");
    assertThat(database(null, ours, null)).isEqualTo("//ours/db");
    assertThat(database(flag, ours, common)).isEqualTo("//flag/db");
    assertThat(database(null, "jdbc:postgresql://h/db?user=u&password=p", "postgres://u:p@h/db"))
        .as("two spellings of one")
        .isEqualTo("//h/db");
    assertThatThrownBy(() -> database(null, ours, common))
        .isInstanceOf(ConfigurationException.class)
        .hasMessage(
            "environment variables HEADPOND_DATABASE_URL and DATABASE_URL name different databases;"
                + " unset one of them, or say --database-url");
    assertThatThrownBy(() -> database(null, null, "mysql://common/db"))
        .hasMessageStartingWith(
            "database.url in the configuration or DATABASE_URL: database URL: must be jdbc:postgresql:");
    assertThatThrownBy(() -> database("nonsense", ours, common))
        .hasMessageStartingWith("--database-url: database URL: must be");
    assertThatThrownBy(() -> database(null, "nonsense", null))
        .hasMessageStartingWith("environment variable HEADPOND_DATABASE_URL: database URL");
  }

  @Test
  void aFileThatDoesNotNameDatabaseUrlHasNothingToDoWithIt() {
    Map<String, String> both =
        Map.of(
            "HEADPOND_DATABASE_URL", "postgres://ours/db", "DATABASE_URL", "postgres://common/db");
    DatabaseConfig chosen = Overrides.none().over(parse(MINIMAL, both), both, null).database();
    assertThat(chosen).isEqualTo(DatabaseConfig.of("postgres://ours/db", null, null));
  }

  /** Which database the flag, our variable and the common one make with the shipped file; null for the embedded one. */
  private static String database(String flag, String ours, String common) {
    Map<String, String> environment = new HashMap<>();
    environment.put("HEADPOND_DATABASE_URL", ours == null ? "" : ours);
    environment.put("DATABASE_URL", common == null ? "" : common);
    ServerConfig config =
        new Overrides(ServeFlags.NONE, null, flag, null)
            .over(ConfigFile.shipped(environment), environment, null);
    return config.database() == null
        ? null
        : config.database().jdbcUrl().substring("jdbc:postgresql:".length());
  }

  private static final String HASH = "sha256:" + "0".repeat(63);
  private static final String TOKENS =
      MINIMAL.strip() + "\ntokens:\n  - {name: shop, role: write, hash: '" + HASH + "1'}\n";

  private static ListenConfig listen(String yaml, @Nullable String host, boolean anonymous) {
    return new Overrides(new ServeFlags(host, null, null, anonymous, null, null), null, null, null)
        .over(parse(yaml), Map.of(), null)
        .listen();
  }

  @Test
  void anAddressThatOthersReachNeedsTokensOrAWordThatItNeedsNone() {
    assertThatThrownBy(() -> listen(MINIMAL, "0.0.0.0", false))
        .isInstanceOf(ConfigurationException.class)
        .hasMessage(
            "host 0.0.0.0: whoever reaches this address could read and write everything; declare"
                + " tokens (`headpond token new`), or say --allow-anonymous");
    assertThat(listen(MINIMAL, "0.0.0.0", true).allowAnonymous()).isTrue();
    assertThat(listen(TOKENS, "0.0.0.0", false).tokens())
        .containsExactly(new AccessToken("shop", TokenRole.WRITE, HASH + "1"));
    String set = MINIMAL.strip() + "\nserver: {host: 0.0.0.0, allowAnonymous: true}\n";
    assertThat(listen(set, null, false).host()).isEqualTo("0.0.0.0");
    assertThatThrownBy(() -> listen(TOKENS, null, true))
        .hasMessageStartingWith("--allow-anonymous: there are tokens");
  }

  private static StoreConfig store(
      String yaml, @Nullable Set<ServerRole> roles, @Nullable String redisUrl) {
    return new Overrides(new ServeFlags(null, null, null, false, roles, null), null, null, redisUrl)
        .over(parse(yaml), Map.of(), null)
        .store();
  }

  @Test
  void aSharedStoreIsNamedByFlagOrVariableOrFile() {
    assertThat(store(MINIMAL, null, null).shared()).isFalse();
    RedisConfig redis = store(MINIMAL, null, "redis://u:secret@h:1/2").redis();
    assertThat(redis).isEqualTo(new RedisConfig("redis://u:secret@h:1/2", "write_queue"));
    assertThat(String.valueOf(redis)).doesNotContain("secret").contains("redis://h:1/2");
    String yaml = MINIMAL.strip() + "\nredis: {url: 'redis://file', prefix: q}\n";
    assertThat(store(yaml, null, null).redis()).isEqualTo(new RedisConfig("redis://file", "q"));
    assertThat(store(yaml, null, "redis://flag").redis())
        .isEqualTo(new RedisConfig("redis://flag", "q"));
    ConfigFile shipped =
        ConfigFile.shipped(Map.of("REDIS_URL", "redis://x", "WRITE_QUEUE_NAME", "wq"));
    assertThat(shipped.redis()).isEqualTo(new ConfigFile.RedisSettings("redis://x", "wq"));
  }

  @Test
  void lessThanAllOfTheWorkNeedsASharedStore() {
    assertThat(store(MINIMAL, null, null).roles()).hasSize(2);
    assertThat(store(MINIMAL, Set.of(ServerRole.WORKER), "redis://h").api()).isFalse();
    String yaml = MINIMAL.strip() + "\nserver: {role: 'worker, api'}\n";
    assertThat(store(yaml, null, null).roles()).hasSize(2);
    assertThatThrownBy(() -> store(MINIMAL, Set.of(ServerRole.API), null))
        .isInstanceOf(ConfigurationException.class)
        .hasMessage(
            "role api: with the embedded journal one server does all of it; leave --role out, or"
                + " name a store that servers share with --redis-url");
    assertThatThrownBy(() -> parse(MINIMAL.strip() + "\nserver: {role: boss}\n"))
        .hasMessageContaining("server.role: boss: must be api, worker or api,worker");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          durability: replicas     |           | datasets.d.durability: replicas: the embedded store has none
          staleReads: true         |           | datasets.d.staleReads: true: the embedded store is always there
          maxRequestBytes: 1MiB    | redis://h | datasets.d.maxRequestBytes: is of the embedded store
          """)
  void whatTheStoreCannotDoIsRefused(String setting, @Nullable String redis, String message) {
    String yaml = "datasets: {d: {key: {id: bigint}, " + setting + "}}";
    assertThatThrownBy(() -> store(yaml, null, redis)).hasMessageContaining(message);
    assertThat(store(yaml, null, redis == null ? "redis://h" : null)).isNotNull();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          tokens: {a: b}                                           | tokens: {a}: must be a list
          tokens: [{name: a, role: read}]                          | tokens[0]: must have name, role and hash
          tokens: [{name: a, role: all, hash: HASH1}]              | tokens[0].role: all: must be read, write, admin
          tokens: [{name: a b, role: read, hash: HASH1}]           | tokens[0].name: a b: must have 1 to 63 letters
          tokens: [{name: a, role: read, hash: headpond_secret}]   | tokens[0].hash: must be sha256: and 64 hexadecimal digits
          tokens: [{name: a, role: read, hash: HASH1}, {name: a, role: read, hash: HASH2}] | tokens[1].name: a: another token has this name
          tokens: [{name: a, role: read, hash: HASH1}, {name: b, role: read, hash: HASH1}] | tokens[1].hash: is that of a already
          tokens: [{name: a, role: read, hash: HASH1, secret: x}]  | tokens[0].secret: unknown setting
          server: {tls: {certificate: a.crt}}                      | server.tls: must have both files
          server: {tls: a.crt}                                     | server.tls: a.crt: must be settings
          """)
  void whatIsWrongWithTokensIsNamedAndNoHashIsShown(String yaml, String message) {
    String text = yaml.replace("HASH", HASH);
    assertThatThrownBy(() -> parse(MINIMAL.strip() + "\n" + text))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(message)
        .hasMessageNotContaining("headpond_secret")
        .hasMessageNotContaining(HASH);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          datasets: {d: {key: {id: bigint}, lingr: 1s}}             | c.yaml:1: datasets.d.lingr: unknown setting; known here are cacheSize, columns
          datasets: {d: {key: {id: bigint}, maxTries: 3}}           | c.yaml:1: datasets.d.maxTries: unknown setting
          datasets: {d: {key: {id: bigint}, linger: soon}}          | c.yaml:1: datasets.d.linger: soon: must be a duration
          datasets: {d: {key: {id: bigint}, linger: 2h}}            | c.yaml:1: datasets.d.linger: 2h: must be from
          datasets: {d: {key: {id: bigint}, maxRequestBytes: 4095}} | c.yaml:1: datasets.d.maxRequestBytes: 4095: must be at least 4096
          datasets: {d: {key: {id: bigint}, partitions: 0}}         | c.yaml:1: datasets.d.partitions: 0: must be from 1 to 1024
          datasets: {d: {key: {id: bigint}, partitions: 1.5}}       | c.yaml:1: datasets.d.partitions: 1.5: must be a whole number
          datasets: {d: {key: {id: bigint}, durability: hard}}      | c.yaml:1: datasets.d.durability: hard: must be one of
          datasets: {d: {key: {id: bigint}, overload: drop}}        | c.yaml:1: datasets.d.overload: drop: must be `reject`
          datasets: {d: {key: {id: bigint}, key: {b: text}}}        | c.yaml:1: datasets.d.key: stands twice
          datasets: {d: {key: {id: bigint}, ttl: "${TTL}"}}         | c.yaml:1: datasets.d.ttl: the environment variable TTL is not set
          datasets: {d: {key: {id: varchar}}}                       | c.yaml:1: datasets.d.key.id: varchar: must be text
          datasets: {d: {key: {id: jsonb}}}                         | c.yaml:1: datasets.d: columns.id: jsonb cannot be part of a key
          datasets: {d: {key: {id: bigint}, columns: {id: text}}}   | c.yaml:1: datasets.d: columns: id stands twice
          datasets: {d: {columns: {id: text}}}                      | c.yaml:1: datasets.d: key: missing
          datasets: {d: {key: {id: bigint}, tenant: shop}}          | c.yaml:1: datasets.d.tenant: shop: must be a column of the key: id
          datasets: {d: {key: {id: bigint}, columns: {shop: text}, tenant: shop}} | c.yaml:1: datasets.d.tenant: shop: must be a column of the key: id
          datasets: {d: 7}                                          | c.yaml:1: datasets.d: 7: must be settings
          datasets: {"a/b": {key: {id: bigint}}}                    | c.yaml:1: datasets.a/b: name: a/b: must be 1 to 63
          datasets: {d: {key: {id: bigint}, versionColumn: id}}     | c.yaml:1: datasets.d: columns.id: Headpond writes this column itself
          server: {port: 99999}                                     | c.yaml:1: datasets: missing
          server: [1]                                               | c.yaml:1: server: a list: must be settings
          'datasets: {d: [}'                                        | c.yaml:1: not valid YAML
          hello                                                     | c.yaml:1: hello: must be settings
          """)
  void errorsNameLinePathValueAndRule(String yaml, String message) {
    assertThatThrownBy(() -> parse(yaml))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageStartingWith(message)
        .message()
        .doesNotContain("\n");
  }

  @Test
  void theLineIsTheSettingsOwn() {
    assertThatThrownBy(() -> parse("datasets:\n  d:\n    key: {id: bigint}\n\n    lingr: 1s\n"))
        .hasMessageStartingWith("c.yaml:5: datasets.d.lingr");
    assertThatThrownBy(() -> parse(MINIMAL + "\nserver:\n  port: http\n"))
        .hasMessage("c.yaml:3: server.port: http: must be a whole number from 0 to 65535");
    assertThatThrownBy(() -> parse(MINIMAL + "\ndatabase: {leaseTtl: 2s}"))
        .hasMessage("c.yaml:2: database.leaseTtl: 2s: must be from 3s to 1h");
    assertThatThrownBy(() -> parse(MINIMAL + "\nlab: {failureRate: 2}"))
        .hasMessage("c.yaml:2: lab.failureRate: 2: must be a number from 0 to 1");
    assertThatThrownBy(() -> parse(MINIMAL + "\nlab: {outage: true}"))
        .hasMessageStartingWith("c.yaml:2: lab.outage: unknown setting");
    assertThatThrownBy(() -> parse("")).hasMessageContaining("is empty");
  }

  @Test
  void anErrorDoesNotShowThePassword() {
    assertThatThrownBy(() -> parse(MINIMAL + "\ndatabase: {password: \"hush${\"}"))
        .hasMessageNotContaining("hush");
  }

  private static ConfigFile parse(String yaml) {
    return parse(yaml, Map.of());
  }

  private static ConfigFile parse(String yaml, Map<String, String> environment) {
    return ConfigFile.parse("c.yaml", yaml, environment);
  }
}
