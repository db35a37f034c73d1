package io.headpond.jdbc;

import java.time.Duration;

/**
 * How long things on a connection may take. All but the last are enforced by the server, so that a
 * stopped or vanished owner cannot hold a lease row for longer than the lease's time.
 *
 * @param lockMillis waiting for a row that somebody else holds
 * @param statementMillis one statement
 * @param idleMillis between two statements of a transaction
 * @param transactionMillis a whole transaction
 * @param networkMillis without any answer
 */
record Limits(
    long lockMillis,
    long statementMillis,
    long idleMillis,
    long transactionMillis,
    int networkMillis) {

  static Limits of(Duration leaseTtl) {
    long ttl = leaseTtl.toMillis();
    return new Limits(ttl / 6, ttl / 2, ttl / 2, ttl * 4 / 5, (int) (ttl * 2 / 3));
  }
}
