package io.headpond.server.config;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * Who may ask what, as the configuration has it: not the token itself, but its SHA-256. A token has 256 random bits, so that there is nothing to guess: a slow hash, which
 * makes guessing passwords dear, would only make each request dear. Immutable.
 *
 * @param name for people
 * @param hash {@code sha256:} and 64 hexadecimal digits
 */
public record AccessToken(String name, TokenRole role, String hash) {
  private static final String PREFIX = "headpond_";
  private static final int BYTES = 32;
  private static final String SHA_256 = "sha256:";
  private static final Pattern HASH = Pattern.compile(SHA_256 + "[0-9a-f]{64}");
  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9._-]{1,63}");

  /** What a name must be, for messages. */
  public static final String NAME_RULE =
      "must have 1 to 63 letters, digits, points, hyphens or underscores";

  /** What a hash must be, for messages. */
  static final String HASH_RULE =
      "must be sha256: and 64 hexadecimal digits, as `headpond token new` prints it";

  public AccessToken {
    if (!isName(name) || !isHash(hash)) {
      throw new IllegalArgumentException("name or hash");
    }
  }

  public static boolean isName(String text) {
    return NAME.matcher(text).matches();
  }

  static boolean isHash(String text) {
    return HASH.matcher(text).matches();
  }

  /** A new one, which is shown once and kept nowhere. */
  public static String random(SecureRandom random) {
    byte[] bytes = new byte[BYTES];
    random.nextBytes(bytes);
    return PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  /** The hash of a token. */
  public static String hash(String token) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return SHA_256
          + HexFormat.of().formatHex(digest.digest(token.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
