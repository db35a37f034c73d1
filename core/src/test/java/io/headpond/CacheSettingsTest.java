package io.headpond;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class CacheSettingsTest {
  @Test
  void theDefaultsArePinned() {
    assertThat(CacheSettings.defaults("t"))
        .isEqualTo(
            new CacheSettings(
                "t",
                null,
                Duration.ofMillis(100),
                1_000,
                5,
                Duration.ofSeconds(1),
                100_000,
                64L << 20,
                new Overload(Duration.ofSeconds(5)),
                null,
                Duration.ofHours(1),
                100_000,
                null,
                16,
                false));
  }

  @Test
  void anErrorNamesSettingValueAndRule() {
    CacheSettings settings = CacheSettings.defaults("t");
    assertThatThrownBy(() -> settings.toBuilder().partitions(0).build())
        .isInstanceOf(ConfigurationException.class)
        .hasMessage("partitions: 0: must be from 1 to 1024");
    assertThatThrownBy(() -> settings.toBuilder().linger(Duration.ofDays(1)).build())
        .hasMessage("linger: PT24H: must be from PT0S to PT1H");
    assertThatThrownBy(() -> settings.toBuilder().maxBatchSize(30_001).build())
        .hasMessageContaining("30000");
    assertThatThrownBy(() -> settings.toBuilder().maxRetries(-1).build())
        .hasMessage("maxRetries: -1: must be from 0 to 1000");
    assertThatThrownBy(() -> settings.toBuilder().targetLag(Duration.ZERO).build())
        .hasMessageContaining("targetLag");
    assertThatThrownBy(() -> settings.toBuilder().retryDelay(Duration.ZERO).build())
        .hasMessageContaining("retryDelay");
    assertThatThrownBy(() -> settings.toBuilder().maxPendingEntries(0).build())
        .hasMessageContaining("PendingEntries");
    assertThatThrownBy(() -> settings.toBuilder().maxPendingBytes(1).build())
        .hasMessageContaining("maxPendingBytes");
    assertThatThrownBy(() -> settings.toBuilder().ttl(Duration.ofSeconds(-1)).build())
        .hasMessageContaining("ttl");
    assertThatThrownBy(() -> settings.toBuilder().cacheSize(-1).build())
        .hasMessageContaining("cacheSize");
    assertThatThrownBy(() -> settings.toBuilder().name("../x").build())
        .hasMessageContaining("name: ../x");
    assertThatThrownBy(() -> new Overload(Duration.ofSeconds(-1))).hasMessageContaining("overload");
  }
}
