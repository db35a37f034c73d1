package io.headpond.server.config;

import io.headpond.ConfigurationException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A database of the user's own. Immutable; {@link #toString} shows no password.
 *
 * @param jdbcUrl for pgjdbc, without user and password
 * @param user null for the driver's default
 * @param password null for none
 */
public record DatabaseConfig(String jdbcUrl, @Nullable String user, @Nullable String password) {
  private static final String JDBC = "jdbc:postgresql:";
  private static final Pattern LIBPQ =
      Pattern.compile(
          "postgres(?:ql)?://(?:(?<user>[^:@/?]*)(?::(?<password>[^@/?]*))?@)?(?<rest>.*)");
  private static final String FORMS =
      "must be jdbc:postgresql://host:port/database or"
          + " postgres://user:password@host:port/database";

  /**
   * Takes a URL in the form of pgjdbc or of libpq apart. A user or password in it is only used where none is given
   * beside it.
   *
   * @throws ConfigurationException if it is neither; the message does not show the URL, which may hold a password
   */
  public static DatabaseConfig of(String url, @Nullable String user, @Nullable String password) {
    String rest;
    String urlUser = null;
    String urlPassword = null;
    Matcher libpq = LIBPQ.matcher(url);
    if (url.startsWith(JDBC)) {
      rest = url.substring(JDBC.length());
    } else if (libpq.matches()) {
      urlUser = decode(libpq.group("user"));
      urlPassword = decode(libpq.group("password"));
      rest = "//" + libpq.group("rest");
    } else {
      throw new ConfigurationException("database URL: " + FORMS);
    }
    if (!rest.matches("//[^@?]*/[^/@?]+(\\?.*)?")) {
      throw new ConfigurationException(
          "database URL: "
              + FORMS
              + "; it has no host, or no database, or an @ in the wrong place");
    }
    int query = rest.indexOf('?');
    List<String> kept = new ArrayList<>();
    if (query >= 0) {
      for (String parameter : rest.substring(query + 1).split("&", -1)) {
        if (parameter.startsWith("user=")) {
          urlUser = decode(parameter.substring("user=".length()));
        } else if (parameter.startsWith("password=")) {
          urlPassword = decode(parameter.substring("password=".length()));
        } else if (!parameter.isEmpty()) {
          kept.add(parameter);
        }
      }
      rest = rest.substring(0, query) + (kept.isEmpty() ? "" : "?" + String.join("&", kept));
    }
    return new DatabaseConfig(
        JDBC + rest, user == null ? urlUser : user, password == null ? urlPassword : password);
  }

  /** For psql, without the password. */
  public String psqlUrl() {
    String rest = jdbcUrl.substring((JDBC + "//").length());
    int query = rest.indexOf('?');
    return "postgresql://"
        + (user == null ? "" : user + "@")
        + (query < 0 ? rest : rest.substring(0, query));
  }

  @Override
  public String toString() {
    return "DatabaseConfig[" + psqlUrl() + "]";
  }

  private static @Nullable String decode(@Nullable String text) {
    if (text == null) {
      return null;
    }
    try {
      return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw new ConfigurationException(
          "database URL: user or password has a % that is no percent-encoding; write % as %25", e);
    }
  }
}
