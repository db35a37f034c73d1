package io.headpond.server.config;

import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/** What of the work a server does; both, unless it is told otherwise. */
public enum ServerRole {
  /** Reads and writes entries for those who ask. */
  API,
  /** Brings what is pending to the database. */
  WORKER;

  /** As it stands in a configuration. */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** One or both, joined by a comma; {@link IllegalArgumentException} with the rule if it is something else. */
  public static Set<ServerRole> parse(String text) {
    Set<ServerRole> roles = EnumSet.noneOf(ServerRole.class);
    for (String part : text.split(",", -1)) {
      switch (part.strip()) {
        case "api" -> roles.add(API);
        case "worker" -> roles.add(WORKER);
        default -> throw new IllegalArgumentException("must be api, worker or api,worker");
      }
    }
    return roles;
  }
}
