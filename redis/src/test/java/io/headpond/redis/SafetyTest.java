package io.headpond.redis;

import static io.headpond.redis.ServersTest.INCREMENT;
import static io.headpond.redis.ServersTest.TIMEOUT;
import static io.headpond.redis.ServersTest.assertUnknown;
import static io.headpond.redis.ServersTest.get;
import static io.headpond.redis.ServersTest.keys;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.UnsupportedDurabilityException;
import io.headpond.redis.servers.ServerBinary;
import io.headpond.redis.servers.TestCluster;
import io.headpond.redis.servers.TestServer;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** What each level needs of the servers' settings, and that the levels follow when these change. */
class SafetyTest {
  private static final Address MASTER = new Address("one", 1);
  private static final Address REPLICA = new Address("two", 2);
  private static final String[] LOG = {
    "--appendonly", "yes", "--appendfsync", "always", "--repl-diskless-sync-delay", "0"
  };
  private static final Set<Durability> MEMORY = Set.of(Durability.MEMORY);
  private static final Set<Durability> DISK =
      Set.of(Durability.MEMORY, Durability.JOURNAL, Durability.DISK);

  @ParameterizedTest
  @CsvSource({
    "no,  everysec, no,  MEMORY, CONFIG SET appendonly yes",
    "yes, everysec, no,  MEMORY, CONFIG SET appendfsync always",
    "yes, no,       no,  MEMORY, CONFIG SET appendfsync always",
    "yes, always,   yes, MEMORY, CONFIG SET no-appendfsync-on-rewrite no",
    "yes, always,   no,  DISK,   ",
  })
  void diskNeedsALogThatIsForcedBeforeEachAnswer(
      String log, String force, String rewrite, String level, String stronger) {
    Safety safety = Safety.of(MASTER, facts(settings(log, force, rewrite)), List.of(), true);
    assertThat(safety.levels()).isEqualTo(level.equals("DISK") ? DISK : MEMORY);
    if (stronger == null) {
      assertThat(safety.stronger()).isNull();
    } else {
      assertThat(safety.stronger()).contains("on one:1", stronger);
    }
  }

  @Test
  void withoutSettingsNothingIsBelieved() {
    Safety safety =
        Safety.of(MASTER, new ServerFacts(facts(Map.of()).info(), null, 0), List.of(), true);
    assertThat(safety.levels()).isEqualTo(MEMORY);
    assertThat(safety.stronger()).contains("+config|get");
  }

  @Test
  void aLogThatIsWrittenForTheFirstTimeKeepsNothingYet() {
    Map<String, String> always = settings("yes", "always", "no");
    ServerFacts rewriting = facts(always, "aof_rewrite_in_progress", "1");
    assertThat(Safety.of(MASTER, rewriting, List.of(), false).levels()).isEqualTo(MEMORY);
    assertThat(Safety.of(MASTER, rewriting, List.of(), true).levels()).isEqualTo(DISK);
    ServerFacts scheduled = facts(always, "aof_rewrite_scheduled", "1");
    assertThat(Safety.of(MASTER, scheduled, List.of(), false).levels()).isEqualTo(MEMORY);
    ServerFacts broken = facts(always, "aof_last_write_status", "err");
    assertThat(Safety.of(MASTER, broken, List.of(), true).levels()).isEqualTo(MEMORY);
  }

  @ParameterizedTest
  @CsvSource({
    "noeviction,   1000000, true",
    "volatile-lru, 1000000, true",
    "volatile-ttl, 1000000, true",
    "allkeys-lru,  0,       true",
    "allkeys-lru,  1000000, false",
    "allkeys-lfu,  1000000, false",
    "allkeys-random, 1,     false",
  })
  void aServerThatThrowsAwayWhatIsPendingIsRefused(String policy, String memory, boolean usable) {
    ServerFacts facts =
        facts(settings("yes", "always", "no"), "maxmemory_policy", policy, "maxmemory", memory);
    Safety safety = Safety.of(MASTER, facts, List.of(), true);
    assertThat(safety.levels()).isEqualTo(usable ? DISK : Set.of());
    if (!usable) {
      assertThat(safety.refusal())
          .contains("maxmemory-policy " + policy, memory, "CONFIG SET maxmemory-policy noeviction");
    }
  }

  @ParameterizedTest
  @CsvSource({
    "noeviction,      1, false",
    "volatile-ttl,    1, false",
    "volatile-lru,    0, false",
    "volatile-lru,    1, true",
    "volatile-lfu,    1, true",
    "volatile-random, 1, true",
  })
  void aServerThatThrowsAwayWhatItRemembersOfRequestsIsNamed(
      String policy, String memory, boolean named) {
    ServerFacts facts =
        facts(settings("yes", "always", "no"), "maxmemory_policy", policy, "maxmemory", memory);
    Safety safety = Safety.of(MASTER, facts, List.of(), true);
    assertThat(safety.levels()).isEqualTo(DISK);
    assertThat(safety.troubles()).hasSize(named ? 1 : 0);
    if (named) {
      assertThat(safety.troubles().get(0))
          .contains(policy, "request ids", "CONFIG SET maxmemory-policy volatile-ttl");
    }
  }

  @ParameterizedTest
  @CsvSource({"5.0.7, false", "6.0.16, false", "6.2.0, true", "7.2.4, true", "10.0.0, true"})
  void aServerThatIsTooOldIsRefused(String version, boolean usable) {
    Safety safety = Safety.of(MASTER, facts(Map.of(), "redis_version", version), List.of(), true);
    assertThat(safety.refusal() == null).isEqualTo(usable);
    if (!usable) {
      assertThat(safety.refusal()).contains("Redis " + version, "6.2");
    }
  }

  @Test
  void whereAReplicaMayBePromotedItsDiskCountsAsWell() {
    ServerFacts good =
        facts(
            settings("yes", "always", "no"),
            "slave0",
            "ip=two,port=2,state=online,offset=1,lag=0",
            "connected_slaves",
            "1");
    ServerFacts replica = facts(settings("yes", "always", "no"), "role", "slave");
    ServerFacts weak = facts(settings("no", "everysec", "no"), "role", "slave");
    Set<Durability> replicas = Set.of(Durability.MEMORY, Durability.REPLICAS);
    Set<Durability> all =
        Set.of(Durability.MEMORY, Durability.JOURNAL, Durability.DISK, Durability.REPLICAS);
    assertThat(levels(good, replica)).isEqualTo(all);
    assertThat(levels(good, weak)).isEqualTo(replicas);
    assertThat(levels(good, null)).isEqualTo(replicas);
    // The Sentinel knows it, the master does not.
    Safety alone =
        Safety.of(
            MASTER,
            facts(settings("yes", "always", "no")),
            List.of(new Safety.Replica(REPLICA, replica)),
            true);
    assertThat(alone.levels()).isEqualTo(MEMORY);
    assertThat(alone.troubles()).singleElement().asString().contains("0 of 1 replicas");
    ServerFacts syncing =
        facts(
            settings("yes", "always", "no"),
            "slave0",
            "ip=two,port=2,state=wait_bgsave,offset=0,lag=0");
    assertThat(levels(syncing, replica)).isEqualTo(MEMORY);
  }

  @Test
  void aClockThatIsOffIsSaid() {
    ServerFacts facts = facts(settings("yes", "always", "no"));
    assertThat(troubles(facts, 900)).isEmpty();
    assertThat(troubles(facts, 2500)).singleElement().asString().contains("2.5 s ahead of ours");
    assertThat(troubles(facts, -1500)).singleElement().asString().contains("1.5 s behind ours");
  }

  @ParameterizedTest
  @EnumSource
  void levelsFollowTheSettingsWhileTheServerRuns(ServerBinary binary) {
    try (TestServer server = TestServer.start(binary, LOG);
        Servers wire = Servers.open(server.url(), TIMEOUT)) {
      assertThat(wire.levels()).isEqualTo(DISK);
      become(wire, server, MEMORY, "appendfsync", "everysec");
      assertThatThrownBy(() -> get(wire.script(INCREMENT, keys("x"), List.of(), Durability.DISK)))
          .hasCauseInstanceOf(UnsupportedDurabilityException.class)
          .hasMessageContaining("CONFIG SET appendfsync always");
      assertThat(server.call("EXISTS", "x")).isEqualTo(0L);
      become(wire, server, DISK, "appendfsync", "always");
      become(wire, server, MEMORY, "no-appendfsync-on-rewrite", "yes");
      become(wire, server, DISK, "no-appendfsync-on-rewrite", "no");
      become(wire, server, MEMORY, "appendonly", "no");
      become(wire, server, DISK, "appendonly", "yes");
      server.call("CONFIG", "SET", "maxmemory", "100mb");
      become(wire, server, Set.of(), "maxmemory-policy", "allkeys-lru");
      assertThat(wire.reasons()).singleElement().asString().contains("allkeys-lru");
      become(wire, server, DISK, "maxmemory-policy", "volatile-ttl");
      assertThat(wire.reasons()).isEmpty();
    }
  }

  private static void become(
      Servers wire, TestServer server, Set<Durability> levels, String setting, String value) {
    server.call("CONFIG", "SET", setting, value);
    TestCluster.await(
        () -> {
          wire.check();
          return wire.levels().equals(levels);
        });
  }

  @Test
  void aServerThatWouldThrowAwayWhatIsPendingIsNotStartedWith() {
    try (TestServer server =
        TestServer.start(
            ServerBinary.REDIS_6_2, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")) {
      assertThatThrownBy(() -> Servers.open(server.url(), TIMEOUT))
          .isInstanceOf(ConfigurationException.class)
          .hasMessageContaining("maxmemory-policy allkeys-lru")
          .hasMessageContaining("noeviction");
    }
  }

  @ParameterizedTest
  @EnumSource
  void replicasAreWaitedForAndTheirSilenceIsUnknown(ServerBinary binary) throws Exception {
    Duration timeout = Duration.ofMillis(1500);
    try (TestServer master = TestServer.start(binary, LOG);
        TestServer replica = TestServer.start(binary, LOG)) {
      replica.call("REPLICAOF", "127.0.0.1", "" + master.port());
      TestCluster.await(
          () ->
              ("" + master.call("INFO", "replication")).contains("state=online")
                  && ("" + replica.call("INFO")).contains("aof_rewrite_in_progress:0"));
      try (Servers wire = Servers.open(master.url(), timeout)) {
        TestCluster.await(
            () -> {
              wire.check();
              return wire.levels().contains(Durability.DISK);
            });
        assertThat(wire.levels()).contains(Durability.REPLICAS);
        get(wire.script(INCREMENT, keys("x"), List.of(), Durability.DISK));
        get(wire.script(INCREMENT, keys("x"), List.of(), Durability.REPLICAS));
        assertThat(replica.call("GET", "x")).isEqualTo("2");

        replica.pause();
        var disk = wire.script(INCREMENT, keys("x"), List.of(), Durability.DISK);
        var replicas = wire.script(INCREMENT, keys("x"), List.of(), Durability.REPLICAS);
        // Who does not wait for them is not kept waiting.
        get(wire.script(INCREMENT, keys("x"), List.of(), Durability.MEMORY));
        assertUnknown(disk);
        assertUnknown(replicas);
        assertThat(master.call("GET", "x")).isEqualTo("5");
        replica.resume();
        TestCluster.await(
            () -> {
              wire.check();
              return wire.levels().contains(Durability.REPLICAS);
            });
        get(wire.script(INCREMENT, keys("x"), List.of(), Durability.REPLICAS));
        assertThat(replica.call("GET", "x")).isEqualTo("6");

        replica.kill();
        TestCluster.await(
            () -> {
              wire.check();
              return !wire.levels().contains(Durability.REPLICAS);
            });
        assertThatThrownBy(
                () -> get(wire.script(INCREMENT, keys("x"), List.of(), Durability.REPLICAS)))
            .hasCauseInstanceOf(UnsupportedDurabilityException.class);
        assertThat(wire.levels()).isEqualTo(DISK);
        get(wire.script(INCREMENT, keys("x"), List.of(), Durability.DISK));
      }
    }
  }

  private static Set<Durability> levels(ServerFacts master, ServerFacts replica) {
    return Safety.of(MASTER, master, List.of(new Safety.Replica(REPLICA, replica)), true).levels();
  }

  private static List<String> troubles(ServerFacts facts, long ahead) {
    return Safety.of(MASTER, new ServerFacts(facts.info(), facts.config(), ahead), List.of(), true)
        .troubles();
  }

  private static Map<String, String> settings(String log, String force, String rewrite) {
    return Map.of("appendonly", log, "appendfsync", force, "no-appendfsync-on-rewrite", rewrite);
  }

  private static ServerFacts facts(Map<String, String> settings, String... info) {
    Map<String, String> lines = new HashMap<>();
    lines.put("redis_version", "7.0.15");
    lines.put("role", "master");
    lines.put("maxmemory_policy", "noeviction");
    lines.put("aof_last_write_status", "ok");
    for (int i = 0; i < info.length; i += 2) {
      lines.put(info[i], info[i + 1]);
    }
    return new ServerFacts(lines, settings, 0);
  }
}
