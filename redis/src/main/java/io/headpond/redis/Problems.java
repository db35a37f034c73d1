package io.headpond.redis;

import io.headpond.ConfigurationException;
import io.headpond.HeadpondException;
import io.headpond.OutcomeUnknownException;
import io.headpond.UnavailableException;
import io.lettuce.core.RedisCommandExecutionException;
import io.lettuce.core.RedisCommandTimeoutException;
import io.lettuce.core.protocol.RedisProtocolException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.util.concurrent.CompletionException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;

/** Says in one line why a server cannot be used: where, what is there, what is needed. */
final class Problems {
  private Problems() {}

  /**
   * Why there is no connection.
   *
   * @return a {@link ConfigurationException} if that does not change by waiting, else an {@link UnavailableException}
   */
  static HeadpondException connecting(RedisUrl url, Address address, Throwable failure) {
    HeadpondException known = find(failure, HeadpondException.class);
    if (known instanceof OutcomeUnknownException) {
      // Of a question nothing comes.
      return new UnavailableException(String.valueOf(known.getMessage()), known);
    }
    if (known != null) {
      return known;
    }
    String where = where(url, address);
    RedisCommandExecutionException refused = find(failure, RedisCommandExecutionException.class);
    if (refused != null) {
      return refused(url, where, String.valueOf(refused.getMessage()), refused);
    }
    ServerErrorException error = find(failure, ServerErrorException.class);
    if (error != null) {
      return refused(url, where, error.text(), error);
    }
    if (find(failure, RedisProtocolException.class) != null) {
      return new ConfigurationException(
          where + " is not a Redis: it does not answer in its protocol", failure);
    }
    SSLException tls = find(failure, SSLException.class);
    if (tls != null) {
      return new ConfigurationException(
          where
              + " cannot be spoken to with TLS: "
              + tls.getMessage()
              + "; needed: a server with TLS and a certificate that the JVM trusts, or ?cacert=file, or redis:// without TLS",
          failure);
    }
    UnknownHostException host = find(failure, UnknownHostException.class);
    if (host != null) {
      return new UnavailableException(where + ": the host is not known", failure);
    }
    if (find(failure, RedisCommandTimeoutException.class) != null) {
      return new UnavailableException(
          where
              + " takes connections, but does not answer; is it a Redis"
              + (url.tls() ? ", and does it speak TLS?" : "?"),
          failure);
    }
    ConnectException connect = find(failure, ConnectException.class);
    return new UnavailableException(
        where
            + (connect == null
                ? " ended the connection before it answered; is it a Redis, and does it need rediss://? "
                    + root(failure)
                : " cannot be reached: " + root(connect)),
        failure);
  }

  /** URL, and the server of it that is spoken of where there may be several. */
  static String where(RedisUrl url, Address address) {
    return url.kind() == RedisUrl.Kind.SINGLE ? url.toString() : url + " (" + address + ")";
  }

  private static HeadpondException refused(
      RedisUrl url, String where, String text, Throwable failure) {
    String user = url.user() == null ? "" : " of user " + url.user();
    String says = "; the server says: " + text;
    if (text.startsWith("WRONGPASS")) {
      return new ConfigurationException(
          where
              + ": wrong user or password"
              + user
              + "; needed: redis://user:password@host, or redis://:password@host for the default user"
              + says,
          failure);
    }
    if (text.startsWith("NOAUTH")) {
      return new ConfigurationException(
          where
              + " wants a password; needed: redis://:password@host or redis://user:password@host"
              + says,
          failure);
    }
    if (text.contains("AUTH <password>") || text.contains("no password is set")) {
      return new ConfigurationException(
          where + " has no password, but the URL has one; needed: an URL without" + says, failure);
    }
    if (text.startsWith("LOADING")) {
      return new UnavailableException(where + " is loading its data" + says, failure);
    }
    if (text.startsWith("NOPERM")) {
      return new ConfigurationException(
          where + ": missing rights" + user + "; " + needed() + says, failure);
    }
    if (text.contains("SELECT is not allowed in cluster mode")) {
      return new ConfigurationException(
          where + " is a node of a cluster; needed: redis-cluster://, without a database" + says,
          failure);
    }
    if (text.startsWith("ERR DB index is out of range")) {
      return new ConfigurationException(
          where
              + ": there is no database "
              + url.database()
              + "; needed: a lower number, or the setting 'databases' of the server"
              + says,
          failure);
    }
    return new UnavailableException(where + " refuses us" + says, failure);
  }

  /** The rights of a user that are enough. */
  static final String RIGHTS =
      "+@read +@write +@connection -@dangerous +eval +evalsha +time +publish +subscribe +wait +info +cluster +config|get";

  /** What a user needs, as a line for the server. */
  static String needed() {
    return "needed: ACL SETUSER name ~PREFIX:* &PREFIX:* " + RIGHTS;
  }

  /** The first of this kind among a failure and its causes; null if there is none. */
  static <T extends Throwable> @Nullable T find(Throwable failure, Class<T> kind) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (kind.isInstance(cause)) {
        return kind.cast(cause);
      }
    }
    return null;
  }

  /** What stages put around a failure is taken off. */
  static Throwable unwrap(Throwable failure) {
    Throwable cause = failure.getCause();
    return failure instanceof CompletionException && cause != null ? cause : failure;
  }

  private static String root(Throwable failure) {
    Throwable root = failure;
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      root = cause;
    }
    return String.valueOf(root.getMessage());
  }
}
