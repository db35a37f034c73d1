package io.headpond.redis;

import static io.headpond.redis.ServersTest.bytes;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class SlotsTest {
  @Test
  void theSlotIsThatOfTheHashTag() {
    // The check value of CRC16/XMODEM, and the examples of the cluster's specification.
    assertThat(Slots.of(bytes("123456789"))).isEqualTo(0x31C3);
    assertThat(Slots.of(bytes("{user1000}.following")))
        .isEqualTo(Slots.of(bytes("{user1000}.followers")))
        .isEqualTo(Slots.of(bytes("user1000")));
    assertThat(Slots.of(bytes("foo{{bar}}zap"))).isEqualTo(Slots.of(bytes("{bar")));
    assertThat(Slots.of(bytes("foo{bar}{zap}"))).isEqualTo(Slots.of(bytes("bar")));
    assertThat(Slots.of(bytes("foo{}{bar}"))).isNotEqualTo(Slots.of(bytes("bar")));
    assertThat(Slots.of(bytes(""))).isZero();
  }
}
