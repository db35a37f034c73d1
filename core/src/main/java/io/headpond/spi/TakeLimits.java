package io.headpond.spi;

/**
 * The most mutations that a batch may have, by what it is made of; each at least 1.
 *
 * @param staged if it is staged writes
 * @param ready if it is ready entries
 * @param deferred if it is deferred entries whose time has come
 */
public record TakeLimits(int staged, int ready, int deferred) {
  public TakeLimits {
    if (staged < 1 || ready < 1 || deferred < 1) {
      throw new IllegalArgumentException(
          "at least 1 must be taken, not " + staged + ", " + ready + ", " + deferred);
    }
  }

  /** The same whatever it is made of. */
  public static TakeLimits of(int max) {
    return new TakeLimits(max, max, max);
  }
}
