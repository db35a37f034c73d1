package io.headpond.server.http;

import io.headpond.RequestId;
import jakarta.servlet.http.HttpServletRequest;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The {@code Idempotency-Key} header (draft-ietf-httpapi-idempotency-key-header): a string in quotes, or the same
 * without them where it has no special characters. Stateless.
 */
final class IdempotencyKey {
  static final String HEADER = "Idempotency-Key";
  private static final Pattern QUOTED =
      Pattern.compile("\"((?:[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\"\\\\]){1,510})\"");
  private static final Pattern BARE =
      Pattern.compile("[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]{1,255}");

  /** What a name is made of. */
  private static final Pattern NAME = Pattern.compile("[\\x20-\\x7e]{1,255}");

  private IdempotencyKey() {}

  /**
   * The name of a request with this body; null if the client gave it none.
   *
   * @throws Problem if the header is malformed
   */
  static @Nullable RequestId of(HttpServletRequest request, byte[] body) {
    if (request.getHeader(HEADER) == null) {
      return null;
    }
    List<String> headers = Collections.list(request.getHeaders(HEADER));
    if (headers.size() > 1) {
      throw malformed(headers.size() + " of them", "must stand only once");
    }
    String target =
        request.getMethod() + ' ' + request.getRequestURI() + '?' + request.getQueryString();
    return requestId(key(headers.get(0).strip()), target, body);
  }

  /**
   * The name of a line of a batch: what the header has within its quotes.
   *
   * @throws Problem if the header could not have it
   */
  static RequestId ofLine(String name, byte[] line) {
    if (!NAME.matcher(name).matches()) {
      throw Problem.of(
          Problem.Kind.BAD_REQUEST,
          "idempotencyKey",
          name,
          "must be 1 to 255 printable ASCII characters");
    }
    return requestId(name, "line", line);
  }

  /**
   * The name of a request.
   *
   * @param target what tells it from others with the same body
   */
  private static RequestId requestId(String key, String target, byte[] body) {
    MessageDigest hash = sha256();
    hash.update(target.getBytes(StandardCharsets.UTF_8));
    hash.update((byte) '\n');
    return new RequestId(key, HexFormat.of().formatHex(hash.digest(body)));
  }

  private static String key(String header) {
    var quoted = QUOTED.matcher(header);
    String key = quoted.matches() ? quoted.group(1).replaceAll("\\\\(.)", "$1") : header;
    if ((!quoted.matches() && !BARE.matcher(header).matches()) || key.length() > 255) {
      throw malformed(header, "must be 1 to 255 printable ASCII characters in quotes");
    }
    return key;
  }

  private static Problem malformed(String value, String rule) {
    return Problem.of(Problem.Kind.BAD_REQUEST, HEADER, value, rule);
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
