package io.headpond.redis;

/** The scripts of a store. What each does, and with which keys and arguments, stands at its beginning. */
final class Scripts {
  static final Script IDENTITY = Script.of("identity");
  static final Script REMEMBER = Script.of("remember");
  static final Script PUBLISH = Script.of("publish");
  static final Script OPEN = Script.of("open");
  static final Script LOOK = Script.of("look");
  static final Script PUT = Script.of("plain", "put");
  static final Script CLAIM = Script.of("claim");
  static final Script RELEASE = Script.of("release");
  static final Script REQUEST = Script.of("request");
  static final Script LOOKUP = Script.of("lookup");
  static final Script FILL = Script.of("fill");
  static final Script INVALIDATE = Script.of("invalidate");
  static final Script TAKE = Script.of("take");
  static final Script CARRY = Script.of("carry");
  static final Script SETTLE = Script.of("settle");
  static final Script TROUBLE = Script.of("trouble");
  static final Script UNSTAGE = Script.of("unstage");
  static final Script LETTER = Script.of("letter");
  static final Script DESCRIBE = Script.of("describe");
  static final Script SCAN = Script.of("scan");
  static final Script PARKED = Script.of("parked");

  private Scripts() {}
}
