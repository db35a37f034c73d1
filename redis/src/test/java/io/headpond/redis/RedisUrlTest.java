package io.headpond.redis;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ConfigurationException;
import io.headpond.redis.RedisUrl.Kind;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RedisUrlTest {
  @Test
  void aSingleServer() {
    RedisUrl url = RedisUrl.parse("redis://ann:s%40c%2Fret+1@example.org:7000/3");
    assertThat(url.kind()).isEqualTo(Kind.SINGLE);
    assertThat(url.tls()).isFalse();
    assertThat(url.addresses()).containsExactly(new Address("example.org", 7000));
    assertThat(url.user()).isEqualTo("ann");
    assertThat(url.password()).isEqualTo("s@c/ret+1");
    assertThat(url.database()).isEqualTo(3);
    assertThat(url).hasToString("redis://ann@example.org:7000/3");
  }

  @Test
  void aPasswordAloneAndAHostAlone() {
    RedisUrl url = RedisUrl.parse("valkeys://:se:cret@[::1]");
    assertThat(url.tls()).isTrue();
    assertThat(url.user()).isNull();
    assertThat(url.password()).isEqualTo("se:cret");
    assertThat(url.addresses()).containsExactly(new Address("::1", 6379));
    assertThat(url).hasToString("rediss://[::1]:6379");
    assertThat(RedisUrl.parse("redis://localhost").password()).isNull();
  }

  @Test
  void sentinelsAndAMaster() {
    RedisUrl url = RedisUrl.parse("redis-sentinel://:p@one:1,two/2#orders");
    assertThat(url.kind()).isEqualTo(Kind.SENTINEL);
    assertThat(url.addresses())
        .isEqualTo(List.of(new Address("one", 1), new Address("two", 26379)));
    assertThat(url.master()).isEqualTo("orders");
    assertThat(url.database()).isEqualTo(2);
    assertThat(url).hasToString("redis-sentinel://one:1,two:26379/2#orders");
  }

  @Test
  void nodesOfACluster() {
    RedisUrl url = RedisUrl.parse("rediss-cluster://ann:p@one,two:7000");
    assertThat(url).isEqualTo(RedisUrl.parse("valkeys-cluster://ann:p@one,two:7000"));
    assertThat(url.kind()).isEqualTo(Kind.CLUSTER);
    assertThat(url.addresses())
        .isEqualTo(List.of(new Address("one", 6379), new Address("two", 7000)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          localhost:6379 | needed: redis://
          http://:geheim@localhost | needed: redis://
          geheim@localhost | needed: redis://
          redis://:geheim@a,b | there are several hosts
          redis://:geheim@a:99999 | port 99999
          redis://:geheim@a:b:c | is no host
          redis://:geheim@ | is no host
          redis://:geheim@a/x | is no number of a database
          redis://:geheim@a/-1 | is no number
          `redis://:geheim@a#orders` | only redis-sentinel://
          redis://:geheim%zz@a | percent sign
          redis://:geheim@a?timeout=1 | is not known
          redis://:geheim@a?cacert=x | rediss
          rediss://:geheim@a?cacert=/nowhere | cannot be read
          redis-cluster://:geheim@a/1 | database 0 only
          redis-sentinel://:geheim@a | name of the master is missing
          """)
  void whatIsWrongIsSaidInOneLineWithoutThePassword(String text, String why) {
    assertThatThrownBy(() -> RedisUrl.parse(text))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(why)
        .hasMessageStartingWith("the URL ")
        .hasMessageNotContaining("geheim")
        .hasMessageNotContaining("\n");
  }
}
