package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RawUriTest {
  @Test
  void keysAreSplitBeforeTheyAreDecoded() {
    assertThat(RawUri.key("a")).containsExactly("a");
    assertThat(RawUri.key("a,b")).containsExactly("a", "b");
    assertThat(RawUri.key("a%2Cb,c")).containsExactly("a,b", "c");
    assertThat(RawUri.key("a%2Fb%25%20;x=1+")).containsExactly("a/b% ;x=1+");
    assertThat(RawUri.key("%E2%82%AC%F0%9F%98%80")).containsExactly("€😀");
    assertThat(RawUri.key("..")).containsExactly("..");
    assertThat(RawUri.key("%252F")).containsExactly("%2F");
    assertThat(RawUri.key("")).containsExactly("");
    assertThat(RawUri.key(",")).containsExactly("", "");
  }

  @Test
  void malformedEncodingIsRefused() {
    for (String wrong :
        List.of("%", "%4", "a%4", "%zz", "%-1", "%C3", "%C3%28", "%ED%A0%80", "%FF", "é", "%+1")) {
      assertThatThrownBy(() -> RawUri.key(wrong)).as(wrong).isInstanceOf(Problem.class);
    }
  }

  @Test
  void segments() {
    assertThat(RawUri.segments("/")).containsExactly("");
    assertThat(RawUri.segments("/a/b")).containsExactly("a", "b");
    assertThat(RawUri.segments("/a//b/")).containsExactly("a", "", "b", "");
    assertThat(RawUri.segments("*")).containsExactly("*");
  }

  @Test
  void queries() {
    assertThat(RawUri.query("a=1&b=x%26y+z", Set.of("a", "b")))
        .containsEntry("a", "1")
        .containsEntry("b", "x&y z");
    assertThat(RawUri.query(null, Set.of())).isEmpty();
    assertThat(RawUri.query("", Set.of())).isEmpty();
    assertThatThrownBy(() -> RawUri.query("c=1", Set.of("a")))
        .hasMessageContaining("unknown parameter");
    assertThatThrownBy(() -> RawUri.query("a=1&a=2", Set.of("a"))).hasMessageContaining("once");
    assertThatThrownBy(() -> RawUri.query("a=%", Set.of("a"))).isInstanceOf(Problem.class);
    assertThatThrownBy(() -> RawUri.query("&", Set.of("a"))).isInstanceOf(Problem.class);
  }
}
