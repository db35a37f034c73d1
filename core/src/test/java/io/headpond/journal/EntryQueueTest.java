package io.headpond.journal;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Key;
import io.headpond.spi.Mutation;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class EntryQueueTest {
  private final EntryQueue queue = new EntryQueue();

  private static HotEntry entry(long since) {
    Key key = Key.ofCanonical(new byte[] {(byte) since});
    HotEntry entry = new HotEntry(key, new Mutation.Remove(key, since, 1));
    entry.since = since;
    return entry;
  }

  private List<Long> all() {
    List<Long> all = new ArrayList<>();
    HotEntry before = null;
    for (HotEntry e = queue.head(); e != null; e = e.next) {
      assertThat(e.previous).isSameAs(before);
      before = e;
      all.add(e.since);
    }
    assertThat(queue.size()).isEqualTo(all.size());
    return all;
  }

  @Test
  void mergingKeepsTheOrderWhateverComes() {
    Random random = new Random(1);
    for (int round = 0; round < 200; round++) {
      List<HotEntry> merged = new ArrayList<>();
      for (int i = random.nextInt(6); i > 0; i--) {
        merged.add(entry(random.nextInt(100)));
      }
      merged.sort(Comparator.comparingLong(e -> e.since));
      queue.merge(merged);
      HotEntry head = queue.head();
      if (head != null && random.nextBoolean()) {
        HotEntry middle = head.next == null ? head : head.next;
        queue.remove(middle);
        queue.remove(middle);
      }
      assertThat(all()).isSorted();
    }
  }
}
