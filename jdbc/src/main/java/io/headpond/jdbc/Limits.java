package io.headpond.jdbc;

import java.time.Duration;

/**
 * How long things on a connection may take. All but the network's are enforced by the server, so that a
 * stopped or vanished owner cannot hold a lease row for longer than the lease's time.
 *
 * @param lockMillis waiting for a row that somebody else holds
 * @param statementMillis one statement
 * @param idleMillis between two statements of a transaction
 * @param transactionMillis a whole transaction
 * @param networkMillis without any answer
 * @param searchMillis finding the refused rows of a batch
 * @param searchLockMillis waiting for a row while they are searched for: who held it before still does
 */
record Limits(
    long lockMillis,
    long statementMillis,
    long idleMillis,
    long transactionMillis,
    int networkMillis,
    long searchMillis,
    long searchLockMillis) {

  static Limits of(Duration leaseTtl) {
    long ttl = leaseTtl.toMillis();
    return new Limits(
        ttl / 30,
        ttl / 2,
        ttl / 2,
        ttl * 4 / 5,
        (int) (ttl * 2 / 3),
        ttl / 3,
        Math.max(10, ttl / 600));
  }
}
