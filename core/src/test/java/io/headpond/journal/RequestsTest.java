package io.headpond.journal;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.Key;
import io.headpond.RequestId;
import io.headpond.journal.Requests.Request;
import io.headpond.spi.Remembered;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.UUID;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RequestsTest {
  private static final int SEGMENT = 64 << 10;
  private static final Key KEY = Key.ofCanonical("k".getBytes(StandardCharsets.US_ASCII));

  @TempDir Path folder;

  private final FixedEnvironment environment = new FixedEnvironment();
  private final Requests requests = new Requests(1 << 20);

  private static RequestId id(String id) {
    return new RequestId(id, "");
  }

  private Journal journal() throws IOException {
    Journal journal =
        new Journal(
            Disk.in(folder),
            environment,
            new UUID(1, 2),
            SEGMENT,
            "key id TEXT\n",
            1,
            () -> SegmentHeader.Marks.none(1));
    journal.start(List.of(), 1, 0);
    return journal;
  }

  private Request written(Journal journal, String id, long micros) {
    Request request = new Request(id(id), KEY, micros, micros * 1_000);
    assertThat(requests.claim(request)).isNull();
    Group group = new Group().request(new Remembered(request.id, KEY, 7, micros));
    journal.append(group, Journal.Use.WRITE);
    requests.written(request, 7, group);
    return request;
  }

  /** A day after that time. */
  private void expire(long micros) {
    long now = Requests.KEPT_MICROS + micros;
    requests.expire(now, now * 1_000);
  }

  private static int live(Journal journal) {
    return journal.segments().stream().mapToInt(segment -> segment.live.get()).sum();
  }

  @Test
  void segmentsCountWhatStandsInThem() throws IOException {
    Journal journal = journal();
    for (int i = 0; i < 2_000; i++) {
      written(journal, "r" + i, i);
    }
    Segment first = journal.segments().get(0);
    assertThat(journal.segments().size()).isGreaterThan(1);
    assertThat(live(journal)).isEqualTo(2_000);
    int inFirst = first.live.get();
    assertThat(requests.in(first)).hasSize(inFirst);
    requests.rewrite(requests.in(first), first, journal, Journal.Use.FLUSH);
    assertThat(first.live.get()).isZero();
    assertThat(requests.in(first)).isEmpty();
    assertThat(live(journal)).isEqualTo(2_000);
    expire(1_499);
    assertThat(live(journal)).isEqualTo(500);
    expire(1_999);
    assertThat(live(journal)).isZero();
    assertThat(requests.bytes()).isZero();
    journal.close();
  }

  /** The time between the append of their records and the note of where they stand is when a segment begins. */
  @Test
  void whatIsForgottenWhileItIsRewrittenIsNotCounted() throws IOException {
    Journal journal = journal();
    for (int i = 0; i < 900; i++) {
      written(journal, "r" + i, i);
    }
    Segment first = journal.segments().get(0);
    List<Request> some = requests.in(first);
    journal.onRoll(() -> expire(1_000_000));
    for (int i = 0; requests.bytes() > 0; i++) {
      assertThat(i).isLessThan(100);
      requests.rewrite(some, first, journal, Journal.Use.FLUSH);
      first = journal.segments().get(journal.segments().size() - 1);
      some = requests.in(first);
    }
    assertThat(live(journal)).isZero();
    journal.close();
  }

  @Test
  void theNewerOfTwoRecordsCountsWhereverItStands() {
    JournalState state = new JournalState(1);
    state.position = 1;
    state.request(new Remembered(id("r"), KEY, 20, 2_000));
    state.position = 2;
    state.request(new Remembered(id("r"), KEY, 10, 1_000));
    assertThat(state.requests.get("r").remembered().version()).isEqualTo(20);
    assertThat(state.requests.get("r").position()).isEqualTo(1);
    // The same, written again: the segment of the first is not needed for it.
    state.position = 3;
    state.request(new Remembered(id("r"), KEY, 20, 2_000));
    assertThat(state.requests.get("r").position()).isEqualTo(3);
  }

  @Test
  void aRecordWithoutAnIdIsNoRecord() {
    Group group = new Group().request(new Remembered(id("r"), KEY, 7, 1));
    int length = group.seal();
    int idLength = Group.HEADER + 4;
    assertThat(ByteBuffer.wrap(group.bytes()).getShort(idLength)).isEqualTo((short) 1);
    ByteBuffer.wrap(group.bytes()).putShort(idLength, (short) 0);
    ByteBuffer.wrap(group.bytes()).putShort(idLength + 2, (short) 1);
    group.stamp(new CRC32C(), Group.place(new UUID(1, 2), 3), 0);
    ByteBuffer bytes = ByteBuffer.wrap(group.bytes(), 0, length).slice();
    GroupReader reader = new GroupReader(bytes, new UUID(1, 2), 3, 0, SegmentHeader.FORMAT_VERSION);
    assertThat(reader.end(0, length)).isEqualTo(length);
    assertThatThrownBy(() -> reader.read(0, new RecordVisitor() {}))
        .isInstanceOf(GroupReader.Malformed.class)
        .hasMessageContaining("must have 1 to 255 characters");
  }
}
