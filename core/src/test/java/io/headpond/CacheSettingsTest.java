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
                Duration.ofSeconds(1),
                100_000,
                64L << 20,
                new Overload(Duration.ofSeconds(5)),
                Duration.ofHours(1),
                100_000,
                16));
  }

  @Test
  void anErrorNamesSettingValueAndRule() {
    CacheSettings settings = CacheSettings.defaults("t");
    assertThatThrownBy(() -> settings.withPartitions(0))
        .isInstanceOf(ConfigurationException.class)
        .hasMessage("partitions: 0: must be from 1 to 1024");
    assertThatThrownBy(() -> settings.withLinger(Duration.ofDays(1)))
        .hasMessage("linger: PT24H: must be from PT0S to PT1H");
    assertThatThrownBy(() -> settings.withMaxBatchSize(30_001)).hasMessageContaining("30000");
    assertThatThrownBy(() -> settings.withRetryDelay(Duration.ZERO))
        .hasMessageContaining("retryDelay");
    assertThatThrownBy(() -> settings.withMaxPendingEntries(0))
        .hasMessageContaining("PendingEntries");
    assertThatThrownBy(() -> settings.withMaxPendingBytes(1))
        .hasMessageContaining("maxPendingBytes");
    assertThatThrownBy(() -> settings.withTtl(Duration.ofSeconds(-1))).hasMessageContaining("ttl");
    assertThatThrownBy(() -> settings.withCacheSize(-1)).hasMessageContaining("cacheSize");
    assertThatThrownBy(() -> settings.withName("../x")).hasMessageContaining("name: ../x");
    assertThatThrownBy(() -> new Overload(Duration.ofSeconds(-1))).hasMessageContaining("overload");
  }
}
