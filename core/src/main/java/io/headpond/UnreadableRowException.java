package io.headpond;

/**
 * The database holds a row that the mapping cannot take, such as a number that is {@code NaN}: another program wrote it. Whoever needs that
 * row as it is, to read it or to change it, fails until it is replaced; other rows are not affected. Nothing was done.
 */
public final class UnreadableRowException extends ConfigurationException {
  private static final long serialVersionUID = 1L;

  private final String column;
  private final String rule;

  /**
   * @param message names table, row and column, without the value
   * @param column the column whose value cannot be taken
   * @param rule what the value would have to keep
   */
  public UnreadableRowException(String message, String column, String rule) {
    super(message);
    this.column = column;
    this.rule = rule;
  }

  /** The column whose value cannot be taken. */
  public String column() {
    return column;
  }

  /** The rule that the value breaks. */
  public String rule() {
    return rule;
  }
}
