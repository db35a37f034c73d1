package io.headpond;

import org.jspecify.annotations.Nullable;

/**
 * How one write is to be carried out, where it differs from the cache's settings. Immutable: each method returns options of its own.
 *
 * <pre>{@code
 * cache.put(7L, account, WriteOptions.onlyIf(Condition.version(entry.version())).durability(DISK));
 * }</pre>
 *
 * @param durability null for the cache's
 * @param condition what must hold for it to be carried out; null for nothing
 * @param request makes it safe to be sent again; null if it is not to be remembered
 */
public record WriteOptions(
    @Nullable Durability durability, @Nullable Condition condition, @Nullable RequestId request) {
  private static final WriteOptions DEFAULTS = new WriteOptions(null, null, null);

  /** The cache's durability, no condition. */
  public static WriteOptions defaults() {
    return DEFAULTS;
  }

  /** The durability that these ask for, or that one where they ask for none. */
  public Durability durabilityOr(Durability otherwise) {
    return durability == null ? otherwise : durability;
  }

  /** The cache's durability, and this condition. */
  public static WriteOptions onlyIf(Condition condition) {
    return new WriteOptions(null, condition, null);
  }

  /** These, at this durability. */
  public WriteOptions durability(Durability durability) {
    return new WriteOptions(durability, condition, request);
  }

  /** These, under this condition. */
  public WriteOptions condition(Condition condition) {
    return new WriteOptions(durability, condition, request);
  }

  /** These, remembered under this id. */
  public WriteOptions request(RequestId request) {
    return new WriteOptions(durability, condition, request);
  }
}
