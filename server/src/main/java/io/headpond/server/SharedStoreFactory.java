package io.headpond.server;

import io.headpond.UnavailableException;
import io.headpond.redis.RedisStore;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Opens stores on Redis; that it cannot be reached is told in words of its own, since the database cannot be blamed for it. */
record SharedStoreFactory(RedisStore.Factory redis) implements HotStoreFactory {

  /** It cannot be reached. */
  static final class AwayException extends UnavailableException {
    private static final long serialVersionUID = 1L;

    AwayException(UnavailableException cause) {
      super(
          "redis: "
              + cause.getMessage()
              + "; check that it runs, and the URL, user and password (--redis-url,"
              + " HEADPOND_REDIS_URL)",
          cause);
    }
  }

  @Override
  public HotStore open(Settings settings) {
    return told(() -> redis.open(settings));
  }

  @Override
  public byte @Nullable [] remembered(String dataset) {
    return SharedStoreFactory.<byte @Nullable []>told(() -> redis.remembered(dataset));
  }

  private static <T extends @Nullable Object> T told(Supplier<T> asked) {
    try {
      return asked.get();
    } catch (UnavailableException e) {
      throw new AwayException(e);
    }
  }
}
