package io.headpond.redis;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a server says of itself: INFO, and of CONFIG GET what was allowed. Immutable.
 *
 * @param info the lines of INFO
 * @param config what CONFIG GET gave; null if it is not allowed
 * @param aheadMillis by how much its clock is ahead of ours, as far as that can be told
 */
record ServerFacts(
    Map<String, String> info, @Nullable Map<String, String> config, long aheadMillis) {

  /** Reads what INFO answered. */
  static Map<String, String> info(@Nullable Object reply) {
    Map<String, String> lines = new HashMap<>();
    for (String line : text(reply).split("\r?\n")) {
      int colon = line.indexOf(':');
      if (colon > 0 && line.charAt(0) != '#') {
        lines.put(line.substring(0, colon), line.substring(colon + 1).strip());
      }
    }
    return Map.copyOf(lines);
  }

  /** Reads what CONFIG GET answered. */
  static Map<String, String> config(@Nullable Object reply) {
    Map<String, String> settings = new HashMap<>();
    if (reply instanceof List<?> list) {
      for (int i = 0; i + 1 < list.size(); i += 2) {
        settings.put(text(list.get(i)), text(list.get(i + 1)));
      }
    }
    return Map.copyOf(settings);
  }

  static String text(@Nullable Object reply) {
    return reply instanceof byte[] bytes ? new String(bytes, StandardCharsets.UTF_8) : "";
  }

  /** Tells one server process from every other. */
  String run() {
    return get("run_id");
  }

  /** Name and version, for people. */
  String product() {
    String valkey = get("valkey_version");
    return valkey.isEmpty() ? "Redis " + get("redis_version") : "Valkey " + valkey;
  }

  /** Whether it understands what our scripts need: Redis 6.2 or newer; all of Valkey says 7.2. */
  boolean newEnough() {
    String[] parts = get("redis_version").split("\\.");
    try {
      int major = Integer.parseInt(parts[0]);
      return major > 6 || (major == 6 && parts.length > 1 && Integer.parseInt(parts[1]) >= 2);
    } catch (NumberFormatException e) {
      return false;
    }
  }

  boolean master() {
    return get("role").equals("master");
  }

  boolean loading() {
    return get("loading").equals("1") || get("async_loading").equals("1");
  }

  boolean inCluster() {
    return get("cluster_enabled").equals("1");
  }

  boolean sentinel() {
    return get("redis_mode").equals("sentinel");
  }

  /** How many replicas it knows, in whatever state they are. */
  int replicas() {
    int count = 0;
    while (info.containsKey("slave" + count)) {
      count++;
    }
    return Math.max(count, (int) number("connected_slaves"));
  }

  /** Where the replica with this index listens, as it told the master; null if that cannot be read. */
  @Nullable Address replica(int index) {
    String host = null;
    String port = null;
    for (String part : get("slave" + index).split(",")) {
      if (part.startsWith("ip=")) {
        host = part.substring(3);
      } else if (part.startsWith("port=")) {
        port = part.substring(5);
      }
    }
    return host == null || port == null ? null : new Address(host, Integer.parseInt(port));
  }

  /** What a line of INFO says; empty if there is none. */
  String get(String line) {
    return info.getOrDefault(line, "");
  }

  /** The number in a line of INFO; 0 if there is none. */
  long number(String line) {
    try {
      return Long.parseLong(get(line));
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  /** What a setting is; null if nobody told us. */
  @Nullable String setting(String name) {
    return config == null ? null : config.get(name);
  }
}
