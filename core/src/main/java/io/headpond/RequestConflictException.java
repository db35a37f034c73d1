package io.headpond;

/**
 * A request id was used before for another request, or the request with this id is still under way. Nothing was done.
 *
 * @see RequestId
 */
public final class RequestConflictException extends HeadpondException {
  private static final long serialVersionUID = 1L;

  private final boolean underWay;

  /**
   * @param underWay whether the same request is being carried out; else the id belongs to another request
   */
  public RequestConflictException(String message, boolean underWay) {
    super(message);
    this.underWay = underWay;
  }

  /** Whether it is worth while to try again soon: the request with this id has not been answered yet. */
  public boolean underWay() {
    return underWay;
  }
}
