package io.headpond.server.config;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where the datasets' hot store is, and what of the work this server does. Immutable.
 *
 * @param redis a store that several servers share; null, the default, for the embedded one with its journal
 * @param roles both by default; with the embedded store always both
 * @param instance what this server is called among the workers; null, the default, for host and process id
 */
public record StoreConfig(
    @Nullable RedisConfig redis, Set<ServerRole> roles, @Nullable String instance) {
  public StoreConfig {
    roles = Set.copyOf(roles);
  }

  public boolean shared() {
    return redis != null;
  }

  /** Whether entries are read and written here. */
  public boolean api() {
    return roles.contains(ServerRole.API);
  }

  /** Whether what is pending is brought to the database from here. */
  public boolean worker() {
    return roles.contains(ServerRole.WORKER);
  }
}
