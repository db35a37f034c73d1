package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LineReaderTest {
  @Test
  void linesAreSplitWhereverTheyArrive() throws IOException {
    for (int seed = 0; seed < 300; seed++) {
      Random random = new Random(seed);
      List<String> lines = new ArrayList<>();
      for (int i = random.nextInt(40); i > 0; i--) {
        lines.add(
            "x".repeat(random.nextInt(10) == 0 ? random.nextInt(40_000) : random.nextInt(60)));
      }
      boolean ended = random.nextBoolean();
      String text = String.join("\n", lines) + (ended && !lines.isEmpty() ? "\n" : "");
      List<String> expected = new ArrayList<>(lines);
      if (!ended && !lines.isEmpty() && lines.get(lines.size() - 1).isEmpty()) {
        expected.remove(lines.size() - 1);
      }
      assertThat(read(new Trickle(text, random), 20_000))
          .as("seed %d", seed)
          .isEqualTo(
              expected.stream()
                  .map(l -> l.length() > 20_000 ? "too long: " + l.length() : l)
                  .toList());
    }
  }

  @Test
  void aLineOfTheGreatestLengthIsTaken() throws IOException {
    assertThat(read(stream("12345\n123456\n12345"), 5))
        .containsExactly("12345", "too long: 6", "12345");
  }

  @Test
  void aLineThatIsCutIsNoLine() throws IOException {
    LineReader reader = new LineReader(stream("a\nbc"), 10, 5);
    assertThat(reader.next()).isNotNull();
    assertThatThrownBy(reader::next).isInstanceOf(EOFException.class);
  }

  @Test
  void onlyAWholeLineIsReady() throws IOException {
    LineReader reader = new LineReader(stream("a\nb\nc"), 10, -1);
    assertThat(reader.isReady()).isFalse();
    reader.next();
    assertThat(reader.isReady()).isTrue();
    reader.next();
    assertThat(reader.isReady()).isFalse();
  }

  private static List<String> read(InputStream in, int maxLength) throws IOException {
    LineReader reader = new LineReader(in, maxLength, -1);
    List<String> lines = new ArrayList<>();
    for (var line = reader.next(); line != null; line = reader.next()) {
      byte[] bytes = line.bytes();
      lines.add(
          bytes == null ? "too long: " + line.length() : new String(bytes, StandardCharsets.UTF_8));
    }
    return lines;
  }

  private static InputStream stream(String text) {
    return new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Gives a few bytes at a time. */
  private static final class Trickle extends ByteArrayInputStream {
    private final Random random;

    Trickle(String text, Random random) {
      super(text.getBytes(StandardCharsets.UTF_8));
      this.random = random;
    }

    @Override
    public int read(byte[] to, int from, int length) {
      return super.read(to, from, Math.min(length, 1 + random.nextInt(5_000)));
    }
  }
}
