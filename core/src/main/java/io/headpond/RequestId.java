package io.headpond;

/**
 * The name of a request, chosen by who sends it, so that it can be sent again without being carried out twice. A write with a
 * request id is remembered for {@linkplain #KEPT_HOURS a day}, as durably as the write itself and in the same step; the same request sent again changes nothing and gets the
 * first one's version. Immutable.
 *
 * <p>A day is 24 hours of the wall clock, which goes on while no process runs, and 24 hours of the process's own time as well, so that a clock that jumps ahead and is
 * put right again makes it forget nothing; of a request of an earlier process, the rest of them that the wall clock told at the start. Only
 * across a restart the wall clock alone tells: if it is ahead at the start, or was behind when the request came, that is forgotten early.
 *
 * <p>Kept by {@link Durability#JOURNAL}, {@link Durability#DISK} and {@link Durability#REPLICAS}; a write at another level with a request id is refused.
 *
 * @param id any text of 1 to 255 characters that no other request of the dataset uses within a day
 * @param fingerprint tells the request from another with the same id, for example a hash of its body; at most 255 characters
 */
public record RequestId(String id, String fingerprint) {
  /** How long a request is remembered, in hours. */
  public static final int KEPT_HOURS = 24;

  private static final int MAX_LENGTH = 255;

  /**
   * Refuses a level at which no request is remembered.
   *
   * @throws UnsupportedDurabilityException with the reason, unless it is {@link Durability#JOURNAL}, {@link Durability#DISK} or {@link Durability#REPLICAS}
   */
  public static void requireKept(Durability durability) {
    if (durability == Durability.MEMORY || durability == Durability.DATABASE) {
      throw new UnsupportedDurabilityException(
          durability,
          "a write with a request id needs JOURNAL, DISK or REPLICAS: at "
              + durability
              + " the write and the word that it was done are not kept in one step, so a crash could"
              + " forget the request but not the write, and the same request sent again would be done twice");
    }
  }

  /**
   * Refuses what came before under this id if it was another request.
   *
   * @param earlier the fingerprint of the request that was carried out
   * @throws RequestConflictException if it is not this one's
   */
  public void requireSame(String earlier) {
    if (!fingerprint.equals(earlier)) {
      throw new RequestConflictException(
          "the request id " + id + " belongs to another request of the last day", false);
    }
  }

  /**
   * @throws InvalidValueException if the id is empty, or one of them is too long or no valid Unicode
   */
  public RequestId {
    if (id.isEmpty() || id.length() > MAX_LENGTH) {
      throw new InvalidValueException("request id", id, "must have 1 to 255 characters");
    }
    if (fingerprint.length() > MAX_LENGTH) {
      throw new InvalidValueException(
          "request fingerprint", fingerprint, "must have at most 255 characters");
    }
    // Else two of them could become the same in a store.
    checkUnicode("request id", id);
    checkUnicode("request fingerprint", fingerprint);
  }

  private static void checkUnicode(String what, String text) {
    if (text.codePoints()
        .anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE)) {
      throw new InvalidValueException(what, text, "must be valid Unicode (has a lone surrogate)");
    }
  }
}
