package io.headpond.spi;

/**
 * A partition at one moment.
 *
 * @param micros the time of its clock in microseconds; every write that it is given later has a higher version, also if the wall clock goes back
 * @param stats what is pending in it
 */
public record Horizon(long micros, PartitionStats stats) {}
