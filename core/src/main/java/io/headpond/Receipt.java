package io.headpond;

import java.util.concurrent.CompletableFuture;

/**
 * Proof that a write was acknowledged. Thread-safe.
 *
 * @see WriteBehindCache#put
 */
public interface Receipt {
  /** The version that the write was given: microseconds of a hybrid clock, strictly increasing for each key. */
  long version();

  /** The durability it was acknowledged with. */
  Durability durability();

  /** Whether the write had been carried out before under its {@link RequestId}: then the version is that of the first time. */
  boolean repeated();

  /**
   * Completes when the database has this version or a newer one; fails with {@link
   * RejectedException} when the entry is parked, and with {@link UnavailableException} when the
   * cache closes before. Each call returns a new future.
   */
  CompletableFuture<Void> settled();
}
