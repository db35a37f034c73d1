package io.headpond;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class InetTextTest {
  @ParameterizedTest
  @CsvSource({
    "192.0.2.1, 192.0.2.1",
    "192.0.2.1/32, 192.0.2.1",
    "192.0.2.1/24, 192.0.2.1/24",
    "0.0.0.0/0, 0.0.0.0/0",
    "255.255.255.255, 255.255.255.255",
    "::, ::",
    "::/0, ::/0",
    "::1/128, ::1",
    "::2, ::2",
    "2001:DB8:0:0:0:0:0:1, 2001:db8::1",
    "2001:db8:0:1:0:0:0:1, 2001:db8:0:1::1",
    "2001:0:0:1:0:0:1:1, 2001::1:0:0:1:1",
    "2001:db8:0:1:1:1:1:1, 2001:db8:0:1:1:1:1:1",
    "1:2:3:4:5:6:0:0, 1:2:3:4:5:6::",
    "1::, 1::",
    "0001:02::0003/64, 1:2::3/64",
    "::ffff:192.0.2.1, ::ffff:192.0.2.1",
    "::ffff:c000:201, ::ffff:192.0.2.1",
    "::192.0.2.1, ::192.0.2.1",
    "::1:0, ::0.1.0.0",
    "64:ff9b::192.0.2.33, 64:ff9b::c000:221",
    "1:2:3:4:5:6:1.2.3.4, 1:2:3:4:5:6:102:304"
  })
  void addressesHaveOneSpelling(String text, String canonical) {
    assertThat(InetText.canonical(text)).isEqualTo(canonical);
    assertThat(InetText.canonical(canonical)).isEqualTo(canonical);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "localhost",
        "1.2.3",
        "1.2.3.4.5",
        "256.0.0.1",
        "01.2.3.4",
        "1.2.3.4/33",
        "1.2.3.4/",
        "1.2.3.4/08",
        "1.2.3.4/-1",
        "1.2.3.4/24/24",
        "1.2.3.4 ",
        "+1.2.3.4",
        "\uff11.2.3.4",
        ":",
        ":::",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7::8",
        "1::2::3",
        ":1::2",
        "1::2:",
        "12345::",
        "g::",
        "::1/129",
        "fe80::1%eth0",
        "::1.2.3",
        "1.2.3.4::",
        "::1.2.3.4:5"
      })
  void whatIsNoAddressIsRefused(String text) {
    assertThat(InetText.canonical(text)).isNull();
  }

  /** The JDK reads the same address from every canonical spelling. */
  @Test
  void theAddressStaysTheSame() throws Exception {
    Random random = new Random(3);
    for (int i = 0; i < 10_000; i++) {
      byte[] bytes = new byte[16];
      for (int group = 0; group < 8; group++) {
        if (random.nextInt(3) == 0) {
          bytes[2 * group] = (byte) (random.nextInt() >> random.nextInt(32));
          bytes[2 * group + 1] = (byte) random.nextInt();
        }
      }
      String text = InetAddress.getByAddress(bytes).getHostAddress();
      String canonical = InetText.canonical(text);
      assertThat(InetAddress.getByName(canonical)).isEqualTo(InetAddress.getByAddress(bytes));
      assertThat(InetText.canonical(canonical)).isEqualTo(canonical);
    }
  }
}
