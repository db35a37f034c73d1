package io.headpond.redis;

import io.headpond.UnavailableException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** The one wire of a factory, made when it is first asked for. Thread-safe. */
final class Connections implements AutoCloseable {
  private final Supplier<Wire> open;
  private @Nullable Wire wire;
  private boolean closed;

  Connections(Supplier<Wire> open) {
    this.open = open;
  }

  /** Blocks until the servers have answered; if they do not, the next one to ask tries again. */
  synchronized Wire wire() {
    if (closed) {
      throw new UnavailableException("the connections to Redis are closed");
    }
    Wire known = wire;
    if (known == null) {
      known = open.get();
      wire = known;
    }
    return known;
  }

  @Override
  public synchronized void close() {
    closed = true;
    Wire known = wire;
    if (known != null) {
      known.close();
    }
  }
}
