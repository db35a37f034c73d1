package io.headpond.redis;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** A Lua script that comes with this package, behind the functions that all of them share. Immutable. */
final class Script {
  private final String name;
  private final byte[] source;
  private final String sha;

  private Script(String name, byte[] source) {
    this.name = name;
    this.source = source;
    try {
      this.sha = HexFormat.of().formatHex(MessageDigest.getInstance("SHA-1").digest(source));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The script {@code name.lua}. */
  static Script of(String name) {
    return text(name, read("shared.lua") + read(name + ".lua"));
  }

  /** The script {@code name.lua}, behind one that has the usual case done before it begins. */
  static Script of(String usual, String name) {
    return text(name, read(usual + ".lua") + read("shared.lua") + read(name + ".lua"));
  }

  /** A script that stands alone. */
  static Script text(String name, String source) {
    return new Script(name, source.getBytes(StandardCharsets.UTF_8));
  }

  private static String read(String file) {
    try (InputStream in = Script.class.getResourceAsStream(file)) {
      if (in == null) {
        throw new IllegalStateException("the script " + file + " is missing");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  String name() {
    return name;
  }

  byte[] source() {
    return source.clone();
  }

  /** What the server knows it by. */
  String sha() {
    return sha;
  }

  @Override
  public String toString() {
    return name;
  }
}
