package io.headpond.journal;

/**
 * Bytes of a journal that are not what was written.
 *
 * @param file which file
 * @param from offset of the first byte that cannot be read
 * @param to offset behind the last one
 * @param what what is wrong with them
 */
public record Damage(String file, long from, long to, String what) {
  @Override
  public String toString() {
    return file + ", bytes " + from + " to " + to + ": " + what;
  }
}
