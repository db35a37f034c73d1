package io.headpond.server.config;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Where a server listens, and to whom. Immutable.
 *
 * @param host the address to listen on. Default 127.0.0.1. Any but loopback needs tokens, or {@code allowAnonymous}
 * @param port the port, 0 for any. Default 8080
 * @param tls null, the default, for plain HTTP
 * @param tokens who may ask; none, the default: everybody who can reach it
 * @param allowAnonymous whether an address that others reach may be without tokens
 */
public record ListenConfig(
    String host,
    int port,
    @Nullable TlsConfig tls,
    List<AccessToken> tokens,
    boolean allowAnonymous) {
  public ListenConfig {
    tokens = List.copyOf(tokens);
  }
}
