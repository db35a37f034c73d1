package io.headpond;

import java.util.Map;

/** Some of several writes were not acknowledged; the others were. */
public final class PartialWriteException extends HeadpondException {
  private static final long serialVersionUID = 1L;

  private final transient Map<?, Receipt> receipts;
  private final transient Map<?, HeadpondException> failures;

  PartialWriteException(Map<?, Receipt> receipts, Map<?, HeadpondException> failures) {
    super(
        failures.size()
            + " of "
            + (receipts.size() + failures.size())
            + " writes were not acknowledged; the first: "
            + failures.values().iterator().next().getMessage(),
        failures.values().iterator().next());
    this.receipts = Map.copyOf(receipts);
    this.failures = Map.copyOf(failures);
  }

  /** The receipts of those that were acknowledged, by key. */
  public Map<?, Receipt> receipts() {
    return receipts;
  }

  /** Why the others were not, by key. */
  public Map<?, HeadpondException> failures() {
    return failures;
  }
}
