package io.headpond;

/** A setting, a mapping or a state on disk with which Headpond does not start. Nothing was changed. */
public class ConfigurationException extends HeadpondException {
  private static final long serialVersionUID = 1L;

  public ConfigurationException(String message) {
    super(message);
  }

  public ConfigurationException(String message, Throwable cause) {
    super(message, cause);
  }
}
