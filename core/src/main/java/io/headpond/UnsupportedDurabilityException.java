package io.headpond;

/** The hot store cannot keep the durability that was asked for; the message names what is in the way. */
public final class UnsupportedDurabilityException extends HeadpondException {
  private static final long serialVersionUID = 1L;

  private final Durability durability;

  public UnsupportedDurabilityException(Durability durability, String message) {
    super(message);
    this.durability = durability;
  }

  /** The level that was asked for. */
  public Durability durability() {
    return durability;
  }
}
