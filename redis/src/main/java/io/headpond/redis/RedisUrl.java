package io.headpond.redis;

import io.headpond.ConfigurationException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The one URL that says where the servers are, and how to get in. Immutable.
 *
 * <pre>
 * redis://[[user]:password@]host[:6379][/database]
 * redis-sentinel://[[user]:password@]host[:26379][,host...][/database]#master
 * redis-cluster://[[user]:password@]host[:6379][,host...]
 * </pre>
 *
 * With {@code rediss} instead of {@code redis} all connections are encrypted, also those to the Sentinels; {@code ?cacert=file} names the certificates (PEM) that
 * are trusted instead of the JVM's own. {@code valkey} and {@code valkeys} are the same words. User and password are percent-encoded. The password is in no text that this class makes.
 *
 * @param kind what is there
 * @param addresses of the server, the Sentinels or some nodes of the cluster; at least one
 * @param user null for the default user
 * @param password null for none
 * @param master the name by which the Sentinels know the master; null unless it is asked of Sentinels
 * @param cacert certificates to trust; null for the JVM's
 */
record RedisUrl(
    Kind kind,
    boolean tls,
    List<Address> addresses,
    @Nullable String user,
    @Nullable String password,
    int database,
    @Nullable String master,
    @Nullable Path cacert) {

  /** What is there. */
  enum Kind {
    /** One server, and always the same. */
    SINGLE(""),
    /** Sentinels, which know the master. */
    SENTINEL("-sentinel"),
    /** The nodes of a cluster. */
    CLUSTER("-cluster");

    private final String suffix;

    Kind(String suffix) {
      this.suffix = suffix;
    }
  }

  private static final Map<String, Kind> KINDS =
      Map.of("", Kind.SINGLE, "-sentinel", Kind.SENTINEL, "-cluster", Kind.CLUSTER);

  private static final Pattern FORM =
      Pattern.compile(
          "(?:redis|valkey)(?<tls>s?)(?<kind>-sentinel|-cluster|)://(?:(?<login>.*)@)?(?<hosts>[^@/?#]*)(?:/(?<database>[^?#]*))?(?:\\?(?<query>[^#]*))?(?:#(?<master>.*))?",
          Pattern.CASE_INSENSITIVE);

  private static final Pattern HOST =
      Pattern.compile(
          "(?:\\[(?<six>[0-9A-Fa-f:.%]+)]|(?<host>[^:\\[\\]\\s]+))(?::(?<port>\\d{1,5}))?");

  /**
   * Reads an URL.
   *
   * @throws ConfigurationException if it is none, in one line without the password
   */
  static RedisUrl parse(String text) {
    Matcher form = FORM.matcher(text.strip());
    if (!form.matches()) {
      throw wrong(
          text,
          "needed: redis://[[user]:password@]host[:port][/database], redis-sentinel://host:port,host:port/database#master or redis-cluster://host:port,host:port, with rediss for TLS");
    }
    Kind kind = KINDS.get(form.group("kind").toLowerCase(java.util.Locale.ROOT));
    if (kind == null) {
      throw new IllegalStateException(form.group("kind"));
    }
    boolean tls = !form.group("tls").isEmpty();
    List<Address> addresses = addresses(text, form.group("hosts"), kind);
    String[] login = login(text, form.group("login"));
    int database = database(text, form.group("database"), kind);
    String master = form.group("master");
    if (kind == Kind.SENTINEL && (master == null || master.isEmpty())) {
      throw wrong(
          text, "the name of the master is missing; needed: #name, as the Sentinels know it");
    }
    if (kind != Kind.SENTINEL && master != null) {
      throw wrong(
          text, "#" + master + " is the name of a master; only redis-sentinel:// URLs have one");
    }
    return new RedisUrl(
        kind,
        tls,
        addresses,
        login[0],
        login[1],
        database,
        master == null ? null : decode(text, master),
        cacert(text, form.group("query"), tls));
  }

  private static List<Address> addresses(String text, String hosts, Kind kind) {
    List<Address> addresses = new ArrayList<>();
    for (String one : hosts.split(",", -1)) {
      Matcher host = HOST.matcher(one);
      if (!host.matches()) {
        throw wrong(
            text, "'" + one + "' is no host; needed: name:port, or [address]:port for IPv6");
      }
      String port = host.group("port");
      int number = port == null ? (kind == Kind.SENTINEL ? 26379 : 6379) : Integer.parseInt(port);
      if (number < 1 || number > 65535) {
        throw wrong(text, "port " + number + " is not between 1 and 65535");
      }
      String name = host.group("six") == null ? host.group("host") : host.group("six");
      addresses.add(new Address(name, number));
    }
    if (kind == Kind.SINGLE && addresses.size() > 1) {
      throw wrong(
          text,
          "there are several hosts; needed: one, or redis-cluster:// for a cluster, redis-sentinel:// for Sentinels");
    }
    return List.copyOf(addresses);
  }

  private static @Nullable String[] login(String text, @Nullable String login) {
    if (login == null) {
      return new @Nullable String[] {null, null};
    }
    int colon = login.indexOf(':');
    String user = decode(text, colon < 0 ? login : login.substring(0, colon));
    String password = colon < 0 ? "" : decode(text, login.substring(colon + 1));
    return new @Nullable String[] {user.isEmpty() ? null : user, password};
  }

  private static int database(String text, @Nullable String database, Kind kind) {
    if (database == null || database.isEmpty()) {
      return 0;
    }
    int number;
    try {
      number = Integer.parseInt(database);
    } catch (NumberFormatException e) {
      number = -1;
    }
    if (number < 0) {
      throw wrong(text, "'" + database + "' is no number of a database; needed: 0 or more");
    }
    if (kind == Kind.CLUSTER && number != 0) {
      throw wrong(text, "database " + number + ", but a cluster has database 0 only");
    }
    return number;
  }

  private static @Nullable Path cacert(String text, @Nullable String query, boolean tls) {
    if (query == null || query.isEmpty()) {
      return null;
    }
    if (!query.startsWith("cacert=")) {
      throw wrong(text, "'?" + query + "' is not known; the only setting is ?cacert=file");
    }
    if (!tls) {
      throw wrong(text, "?cacert is for encrypted connections; needed: rediss instead of redis");
    }
    Path file = Path.of(decode(text, query.substring("cacert=".length())));
    if (!Files.isReadable(file)) {
      throw wrong(text, "the certificates in " + file + " cannot be read");
    }
    return file;
  }

  private static String decode(String text, String part) {
    try {
      return URLDecoder.decode(part.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      throw wrong(
          text, "a percent sign is not followed by two hexadecimal digits; a percent sign is %25");
    }
  }

  private static ConfigurationException wrong(String text, String why) {
    return new ConfigurationException("the URL " + withoutPassword(text) + " is wrong: " + why);
  }

  /** Takes out all between the scheme and the last {@code @}, so that nothing of a password is left, wherever somebody put it. */
  private static String withoutPassword(String text) {
    int scheme = text.indexOf("://");
    int at = text.lastIndexOf('@');
    int start = scheme < 0 ? 0 : scheme + 3;
    return at < start ? text : text.substring(0, start) + "***" + text.substring(at);
  }

  /** With the user, without the password. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("redis");
    text.append(tls ? "s" : "").append(kind.suffix).append("://");
    if (user != null) {
      text.append(user).append('@');
    }
    for (int i = 0; i < addresses.size(); i++) {
      text.append(i == 0 ? "" : ",").append(addresses.get(i));
    }
    if (database != 0) {
      text.append('/').append(database);
    }
    return text.append(master == null ? "" : "#" + master).toString();
  }
}
