package io.headpond;

/**
 * A key or a value that cannot become the row it stands for <em>exactly</em>. It was refused before
 * anything was acknowledged; sending it again unchanged fails again.
 */
public final class InvalidValueException extends HeadpondException {
  private static final long serialVersionUID = 1L;
  private static final int SHOWN = 80;

  private final String path;
  private final String value;
  private final String rule;

  /**
   * @param path where the value stands, for example {@code price} or {@code key[1]}
   * @param value the value as text; what is over 80 characters is cut
   * @param rule what the value would have to keep
   */
  public InvalidValueException(String path, String value, String rule) {
    super(path + ": " + shown(value) + ": " + rule);
    this.path = path;
    this.value = shown(value);
    this.rule = rule;
  }

  /** Where the value stands. */
  public String path() {
    return path;
  }

  /** The value, cut short and with control characters escaped. */
  public String value() {
    return value;
  }

  /** The rule that it breaks. */
  public String rule() {
    return rule;
  }

  private static String shown(String value) {
    StringBuilder text = new StringBuilder();
    int end = Math.min(value.length(), SHOWN);
    for (int i = 0; i < end; i++) {
      char c = value.charAt(i);
      if (c < ' ' || c == 0x7f || Character.isSurrogate(c)) {
        text.append(String.format("\\u%04x", (int) c));
      } else {
        text.append(c);
      }
    }
    return value.length() > SHOWN ? text.append("...").toString() : text.toString();
  }
}
