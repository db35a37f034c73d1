package io.headpond.spi;

import java.util.List;

/**
 * What is to be applied to the database in one transaction. With no mutations it renews the lease and moves the frontier.
 *
 * @param id random, names this attempt's content; the same when the same batch is applied again
 * @param mutations at most one for each key, sorted by key
 * @param frontier moves to this time with the batch, in microseconds; never back
 */
public record Batch(long id, List<Mutation> mutations, long frontier) {
  public Batch {
    mutations = List.copyOf(mutations);
  }
}
