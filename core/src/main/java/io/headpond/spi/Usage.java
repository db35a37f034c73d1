package io.headpond.spi;

/** How much of what may be pending is used, as {@link WriteOutcome.Written#usage} and {@link WriteOutcome.Written#delays} tell; the same for every store. Stateless. */
public final class Usage {
  private Usage() {}

  /** The share of the room that deferred entries leave; 1 is full. */
  public static double ofAll(long used, long deferred, long limit) {
    long room = limit - deferred;
    return used - deferred < room ? (double) (used - deferred) / room : 1;
  }

  /**
   * The share of what a tenant may have, see {@link TenantColumn}; no more than half while it has less than half of its share of the limit.
   *
   * @param own what it has that is not deferred
   * @param all what all have
   * @param tenants of how many tenants anything is pending
   */
  public static double ofTenant(long own, long all, long limit, long tenants) {
    long free = limit - all;
    double part = own < free ? Math.max(0, own) / (double) free : 1;
    boolean light = own * 2.0 * (tenants + 1) <= limit;
    return light ? Math.min(part, 0.5) : part;
  }
}
