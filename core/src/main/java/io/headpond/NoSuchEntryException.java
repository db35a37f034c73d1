package io.headpond;

/** There is no such entry, neither here nor in the database, and the write needs one. Nothing was done. */
public final class NoSuchEntryException extends HeadpondException {
  private static final long serialVersionUID = 1L;

  public NoSuchEntryException(String message) {
    super(message);
  }
}
