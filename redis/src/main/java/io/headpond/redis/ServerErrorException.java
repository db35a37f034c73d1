package io.headpond.redis;

import java.util.Locale;

/** A server answered a command with an error. */
final class ServerErrorException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ServerErrorException(String text) {
    super(text, null, false, false);
  }

  /** What the server said. */
  String text() {
    String text = getMessage();
    return text == null ? "" : text;
  }

  /** The word that it begins with, by which servers name the kind of an error. */
  String code() {
    String text = text();
    int space = text.indexOf(' ');
    return (space < 0 ? text : text.substring(0, space)).toUpperCase(Locale.ROOT);
  }

  boolean is(String code) {
    return code().equals(code);
  }
}
