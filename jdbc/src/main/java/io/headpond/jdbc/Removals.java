package io.headpond.jdbc;

/**
 * What a batch has to do with removals.
 *
 * @param kept whether they are kept in mind, as a store asks for that may forget them
 * @param upTo no removal is known above this version: it is the highest that the partition has seen before
 */
record Removals(boolean kept, long upTo) {}
