package io.headpond.server.http;

import io.headpond.server.config.AccessToken;
import io.headpond.server.config.TokenRole;
import jakarta.servlet.http.HttpServletRequest;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Who may ask what: whoever has a token of the configuration what its role allows, or everybody everything where there are no tokens. A token stands in {@code
 * Authorization: Bearer} and nowhere else; none of it is ever shown or logged. Immutable.
 */
public final class Access {
  /** Everybody may do everything. */
  public static final Access ANONYMOUS = new Access(List.of());

  private static final String HEADER = "Authorization";
  private static final String SCHEME = "Bearer ";

  private final List<AccessToken> tokens;

  private Access(List<AccessToken> tokens) {
    this.tokens = List.copyOf(tokens);
  }

  /** For whoever has one of these; for everybody if there are none. */
  public static Access of(List<AccessToken> tokens) {
    return tokens.isEmpty() ? ANONYMOUS : new Access(tokens);
  }

  /** Whether somebody has to say who they are. */
  boolean asks() {
    return !tokens.isEmpty();
  }

  /**
   * Who asks; null where nobody has to say.
   *
   * @throws Problem if the request has no token, none that is known, or one that does not allow this
   */
  @Nullable AccessToken require(HttpServletRequest request, TokenRole needed) {
    if (!asks()) {
      return null;
    }
    AccessToken token = token(request);
    if (token == null) {
      throw Problem.unauthorized(request.getHeader(HEADER) != null);
    }
    if (!token.role().includes(needed)) {
      throw Problem.forbidden(token, needed);
    }
    return token;
  }

  /** Whether who asks may look at anything. */
  boolean mayLook(HttpServletRequest request) {
    return !asks() || token(request) != null;
  }

  /** The token of the request; null if it has none that is known. How long that takes does not tell how much of one was right, or which. */
  private @Nullable AccessToken token(HttpServletRequest request) {
    String header = request.getHeader(HEADER);
    if (header == null || !header.regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      return null;
    }
    byte[] hash =
        AccessToken.hash(header.substring(SCHEME.length()).strip())
            .getBytes(StandardCharsets.US_ASCII);
    AccessToken found = null;
    for (AccessToken token : tokens) {
      if (MessageDigest.isEqual(token.hash().getBytes(StandardCharsets.US_ASCII), hash)) {
        found = token;
      }
    }
    return found;
  }
}
