package io.headpond.server.config;

import java.time.Duration;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Flags that only {@code headpond serve} has. Immutable; null is what was not given. */
public record ServeFlags(
    @Nullable String host,
    @Nullable Integer port,
    @Nullable Duration drainTimeout,
    boolean allowAnonymous,
    @Nullable Set<ServerRole> roles,
    @Nullable String instance) {
  /** Nothing given. */
  public static final ServeFlags NONE = new ServeFlags(null, null, null, false, null, null);
}
