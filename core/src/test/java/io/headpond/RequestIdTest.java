package io.headpond;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class RequestIdTest {
  @Test
  void anyTextOfItsLengthIsTaken() {
    new RequestId("x", "");
    new RequestId("é".repeat(255), "\ud83d\ude00".repeat(127) + "\0");
  }

  @Test
  void whatAStoreCouldNotKeepIsRefused() {
    refused("", "", "must have 1 to 255 characters");
    refused("x".repeat(256), "", "must have 1 to 255 characters");
    refused("x", "x".repeat(256), "must have at most 255 characters");
    refused("x\ud83d", "", "must be valid Unicode");
    refused("\ude00\ud83d", "", "must be valid Unicode");
    refused("x", "\ud83dx", "must be valid Unicode");
  }

  private static void refused(String id, String fingerprint, String rule) {
    assertThatThrownBy(() -> new RequestId(id, fingerprint))
        .isInstanceOf(InvalidValueException.class)
        .hasMessageContaining(rule);
  }
}
