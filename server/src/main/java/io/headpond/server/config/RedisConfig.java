package io.headpond.server.config;

/**
 * The servers of a shared hot store. Immutable; {@link #toString} shows no password.
 *
 * @param url as docs/configuration.md has it; it may hold a password
 * @param prefix what all keys begin with. Default {@code write_queue}
 */
public record RedisConfig(String url, String prefix) {
  /** The prefix if no other is given. */
  static final String PREFIX = "write_queue";

  /** Where it is, for people: without user and password. */
  public String shown() {
    int scheme = url.indexOf("://");
    int at = url.lastIndexOf('@');
    String place =
        scheme < 0 || at < scheme ? url : url.substring(0, scheme + 3) + url.substring(at + 1);
    int query = place.indexOf('?');
    return (query < 0 ? place : place.substring(0, query)) + ", keys " + prefix + ":*";
  }

  @Override
  public String toString() {
    return "RedisConfig[" + shown() + "]";
  }
}
