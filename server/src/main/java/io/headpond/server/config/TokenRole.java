package io.headpond.server.config;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What a token allows: each role includes those before it. */
public enum TokenRole {
  /** Looks: entries, what is pending, dead letters, status. */
  READ,
  /** Writes entries. */
  WRITE,
  /** Decides: dead letters, flushes, the queue, the lab. */
  ADMIN;

  /** As it stands in a configuration. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** Whether it allows what another role allows. */
  public boolean includes(TokenRole other) {
    return compareTo(other) >= 0;
  }

  /** The role of this name; {@link IllegalArgumentException} with the rule if there is none. */
  public static TokenRole of(String text) {
    for (TokenRole role : values()) {
      if (role.text().equals(text)) {
        return role;
      }
    }
    throw new IllegalArgumentException(
        "must be "
            + Arrays.stream(values()).map(TokenRole::text).collect(Collectors.joining(", ")));
  }
}
