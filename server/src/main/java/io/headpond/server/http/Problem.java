package io.headpond.server.http;

import io.headpond.ConditionFailedException;
import io.headpond.ConfigurationException;
import io.headpond.DeadLetterGoneException;
import io.headpond.HeadpondException;
import io.headpond.InvalidValueException;
import io.headpond.NoSuchEntryException;
import io.headpond.OutcomeUnknownException;
import io.headpond.OverloadedException;
import io.headpond.RejectedException;
import io.headpond.RequestConflictException;
import io.headpond.UnavailableException;
import io.headpond.UnreadableRowException;
import io.headpond.UnsupportedDurabilityException;
import io.headpond.server.config.AccessToken;
import io.headpond.server.config.TokenRole;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * Why a request was not carried out, as RFC 9457 has it. Thrown to end a request; it has no stack trace.
 */
public final class Problem extends RuntimeException {
  private static final long serialVersionUID = 1L;
  private static final int SHOWN = 80;
  private static final String REALM = "Bearer realm=\"headpond\"";

  /** The kinds; the name in lower case with hyphens is the last part of {@code type}. */
  public enum Kind {
    BAD_REQUEST(400, "The request is malformed"),
    INVALID_JSON(400, "The body is not valid JSON"),
    UNSUPPORTED_DURABILITY(400, "The store cannot keep this durability"),
    UNAUTHORIZED(401, "The request has no valid token"),
    FORBIDDEN(403, "The token does not allow this"),
    UNKNOWN_ROUTE(404, "There is no such route"),
    UNKNOWN_DATASET(404, "There is no such dataset"),
    NO_SUCH_ENTRY(404, "There is no such entry"),
    NO_SUCH_DEAD_LETTER(404, "There is no such dead letter"),
    METHOD_NOT_ALLOWED(405, "The route does not know this method"),
    BODY_TIMEOUT(408, "The body did not arrive in time"),
    REJECTED(409, "The database refused the write"),
    UNREADABLE_ROW(409, "The database holds a value that the dataset cannot take"),
    KEY_TAKEN(409, "The generated key belongs to an entry already"),
    REQUEST_UNDER_WAY(409, "The same request is being carried out"),
    DEAD_LETTER_RETRIED(409, "The dead letter has been retried already"),
    DEAD_LETTER_SUPERSEDED(409, "A later write has taken the dead letter's place"),
    PRECONDITION_FAILED(412, "The entry is not as the request demands"),
    BODY_TOO_LARGE(413, "The body is too large"),
    UNSUPPORTED_MEDIA_TYPE(415, "The body has another media type"),
    INVALID_VALUE(422, "The value cannot become this row"),
    REQUEST_ID_REUSED(422, "The Idempotency-Key belongs to another request"),
    INTERNAL(500, "The server failed"),
    OVERLOADED(503, "As much is pending as may be"),
    UNAVAILABLE(503, "The write or read cannot be carried out now"),
    OUTCOME_UNKNOWN(504, "It may or may not have happened");

    private final int status;
    private final String title;
    private final String type;

    Kind(int status, String title) {
      this.status = status;
      this.title = title;
      this.type =
          "urn:headpond:problem:" + name().toLowerCase(java.util.Locale.ROOT).replace('_', '-');
    }

    int status() {
      return status;
    }

    String title() {
      return title;
    }
  }

  /** A header of the answer. */
  record Header(String name, String value) {}

  private final Kind kind;
  private final String detail;
  private final @Nullable String field;
  private final @Nullable String value;
  private final @Nullable String rule;
  private final long retryAfterSeconds;
  private final @Nullable Header header;
  private final long currentVersion;

  private Problem(
      Kind kind,
      String detail,
      @Nullable String field,
      @Nullable String value,
      @Nullable String rule) {
    this(kind, detail, field, value, rule, 0, null, 0);
  }

  private Problem(
      Kind kind,
      String detail,
      @Nullable String field,
      @Nullable String value,
      @Nullable String rule,
      long retryAfterSeconds,
      @Nullable Header header,
      long currentVersion) {
    super(detail, null, false, false);
    this.kind = kind;
    this.detail = detail;
    this.field = field;
    this.value = value;
    this.rule = rule;
    this.retryAfterSeconds = retryAfterSeconds;
    this.header = header;
    this.currentVersion = currentVersion;
  }

  /** A problem with no field to blame. */
  public static Problem of(Kind kind, String detail) {
    return new Problem(kind, detail, null, null, null);
  }

  /** A problem with one field. */
  public static Problem of(Kind kind, String field, String value, String rule) {
    String shown = shown(value);
    return new Problem(kind, field + ": " + shown + ": " + rule, field, shown, rule);
  }

  public static Problem invalidValue(String field, String value, String rule) {
    return of(Kind.INVALID_VALUE, field, value, rule);
  }

  public static Problem methodNotAllowed(String method, String allow) {
    return new Problem(
        Kind.METHOD_NOT_ALLOWED,
        shown(method) + " is not known here; use " + allow,
        "method",
        shown(method),
        "must be one of " + allow,
        0,
        new Header("Allow", allow),
        0);
  }

  /**
   * That of a request without a token.
   *
   * @param wrong whether it has one that is not known
   */
  static Problem unauthorized(boolean wrong) {
    return new Problem(
        Kind.UNAUTHORIZED,
        wrong
            ? "the token is not known here"
            : "a token is needed: send `Authorization: Bearer` with one",
        null,
        null,
        null,
        0,
        new Header("WWW-Authenticate", REALM + (wrong ? ", error=\"invalid_token\"" : "")),
        0);
  }

  /** That of a request whose token does not allow it. */
  static Problem forbidden(AccessToken token, TokenRole needed) {
    return new Problem(
        Kind.FORBIDDEN,
        "the token "
            + token.name()
            + " has the role "
            + token.role().text()
            + "; this needs "
            + needed.text(),
        "role",
        token.role().text(),
        "must be " + needed.text() + (needed == TokenRole.ADMIN ? "" : " or a higher one"),
        0,
        new Header(
            "WWW-Authenticate",
            REALM + ", error=\"insufficient_scope\", scope=\"" + needed.text() + "\""),
        0);
  }

  /** A problem that may be over by then. */
  static Problem later(Kind kind, String detail, long retryAfterSeconds) {
    return new Problem(kind, detail, null, null, null, retryAfterSeconds, null, 0);
  }

  /** That of a write while the server stops. */
  public static Problem stopping() {
    return later(Kind.UNAVAILABLE, "the server is stopping and takes no more writes", 1);
  }

  /** The same of another kind. */
  Problem as(Kind other) {
    return new Problem(
        other, detail, field, value, rule, retryAfterSeconds, header, currentVersion);
  }

  /** What a failure means to a client. */
  public static Problem of(Throwable failure) {
    Throwable cause = failure;
    while ((cause instanceof CompletionException || cause instanceof ExecutionException)
        && cause.getCause() != null) {
      cause = cause.getCause();
    }
    if (cause instanceof Problem problem) {
      return problem;
    }
    if (cause instanceof InvalidValueException e) {
      return new Problem(Kind.INVALID_VALUE, text(e), e.path(), e.value(), e.rule());
    }
    if (cause instanceof OverloadedException e) {
      // Whole seconds, rounded up: a client that waits so long does not come too early.
      long seconds = Math.max(1, e.retryAfter().plusNanos(999_999_999).toSeconds());
      return later(Kind.OVERLOADED, text(e), seconds);
    }
    if (cause instanceof UnsupportedDurabilityException e) {
      return new Problem(
          Kind.UNSUPPORTED_DURABILITY,
          text(e),
          "durability",
          e.durability().name().toLowerCase(java.util.Locale.ROOT),
          "must be a level that the store keeps");
    }
    if (cause instanceof ConditionFailedException e) {
      return new Problem(
          Kind.PRECONDITION_FAILED, text(e), null, null, null, 0, null, e.currentVersion());
    }
    if (cause instanceof NoSuchEntryException e) {
      return of(Kind.NO_SUCH_ENTRY, text(e));
    }
    if (cause instanceof DeadLetterGoneException e) {
      Kind kind =
          switch (e.reason()) {
            case NONE -> Kind.NO_SUCH_DEAD_LETTER;
            case RETRIED -> Kind.DEAD_LETTER_RETRIED;
            case SUPERSEDED -> Kind.DEAD_LETTER_SUPERSEDED;
          };
      return new Problem(kind, text(e), null, null, null, 0, null, e.currentVersion());
    }
    if (cause instanceof RequestConflictException e) {
      return e.underWay()
          ? later(Kind.REQUEST_UNDER_WAY, text(e), 1)
          : of(Kind.REQUEST_ID_REUSED, text(e));
    }
    if (cause instanceof RejectedException e) {
      return of(Kind.REJECTED, text(e));
    }
    if (cause instanceof OutcomeUnknownException e) {
      return of(Kind.OUTCOME_UNKNOWN, text(e));
    }
    if (cause instanceof UnreadableRowException e) {
      return new Problem(
          Kind.UNREADABLE_ROW, text(e), e.column(), "as another program wrote it", e.rule());
    }
    // The second: the table was renamed, say, under the running server.
    if (cause instanceof UnavailableException || cause instanceof ConfigurationException) {
      return later(Kind.UNAVAILABLE, String.valueOf(cause.getMessage()), 1);
    }
    return of(
        Kind.INTERNAL,
        cause instanceof HeadpondException e
            ? text(e)
            : "an error that was not foreseen; the server's log has it");
  }

  public Kind kind() {
    return kind;
  }

  public int status() {
    return kind.status;
  }

  /** A header that belongs to it; null if none does. */
  @Nullable Header header() {
    return header;
  }

  /** For {@code Retry-After}; 0 for none. */
  long retryAfterSeconds() {
    return retryAfterSeconds;
  }

  /** The version of an entry that is not as demanded; 0 if there is none or it is not known, or it is another problem. */
  long currentVersion() {
    return currentVersion;
  }

  /** The problem document. */
  Json json() {
    Json json = new Json().beginObject();
    members(json);
    return json.endObject();
  }

  /** Writes the members of the problem document. */
  void members(Json json) {
    json.member("type", kind.type)
        .member("title", kind.title)
        .member("status", kind.status)
        .member("detail", detail);
    if (field != null) {
      json.member("field", field).member("value", value).member("rule", rule);
    }
    if (kind == Kind.PRECONDITION_FAILED || currentVersion > 0) {
      json.name("currentVersion").raw(currentVersion == 0 ? "null" : Long.toString(currentVersion));
    }
    if (retryAfterSeconds > 0) {
      json.member("retryAfterSeconds", retryAfterSeconds);
    }
  }

  /** Text of a client cut short, on one line. */
  static String shown(String value) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < Math.min(value.length(), SHOWN); i++) {
      char c = value.charAt(i);
      if (Character.isISOControl(c) || Character.isSurrogate(c)) {
        text.append(String.format("\\u%04x", (int) c));
      } else {
        text.append(c);
      }
    }
    return value.length() > SHOWN ? text.append("...").toString() : text.toString();
  }

  private static String text(HeadpondException e) {
    return String.valueOf(e.getMessage());
  }
}
