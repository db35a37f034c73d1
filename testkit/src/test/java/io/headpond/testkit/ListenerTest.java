package io.headpond.testkit;

import static io.headpond.testkit.EngineFixture.key;
import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.CacheListener;
import io.headpond.HeadpondException;
import io.headpond.Overload;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What listeners hear, and that they cannot break anything. */
@Timeout(60)
class ListenerTest {
  private final EngineFixture t = new EngineFixture();
  private final List<String> heard = new ArrayList<>();

  private final CacheListener recorder =
      new CacheListener() {
        @Override
        public void written(Write event) {
          heard.add(
              (event.removal() ? "removed " : "written ")
                  + EngineFixture.TYPE.keyText(event.key())
                  + (event.coalesced() ? " coalesced" : ""));
        }

        @Override
        public void refused(HeadpondException reason) {
          heard.add("refused " + reason.getClass().getSimpleName());
        }

        @Override
        public void flushed(Flush event) {
          heard.add(
              event.failure() == null
                  ? "flushed "
                      + event.entries().stream()
                          .map(entry -> EngineFixture.TYPE.keyText(entry.key()))
                          .sorted()
                          .toList()
                  : "failed");
        }

        @Override
        public void deferred(Refusal event) {
          heard.add("deferred " + event.attempts() + " " + event.error());
        }

        @Override
        public void parked(Refusal event) {
          heard.add("parked " + event.attempts() + " " + event.error());
        }

        @Override
        public void loaded(Load event) {
          heard.add("loaded " + event.found() + " of " + event.keys());
        }
      };

  @Test
  void aListenerHearsWhatHappensInItsOrder() {
    t.open(t.builder().listener(recorder).maxPendingEntries(3).overload(Overload.reject()));
    t.foreign(7, "old", 7);
    t.get(7);
    t.put(1, "a");
    t.put(1, "b");
    t.remove(2);
    t.put(3, "c");
    t.put(4, "too much");
    assertThat(heard).as("on a thread of its own").containsExactly("loaded 1 of 1");
    t.linger();
    assertThat(heard)
        .containsExactly(
            "loaded 1 of 1",
            "written 1",
            "written 1 coalesced",
            "removed 2",
            "written 3",
            "refused OverloadedException",
            "flushed [1, 2, 3]");
  }

  @Test
  void aListenerHearsOfRefusalsAndOutages() {
    t.open(t.builder().listener(recorder).maxRetries(1));
    t.database.setAway(true);
    t.put(1, "a");
    t.linger();
    assertThat(heard).containsExactly("written 1", "failed");
    heard.clear();
    t.database.setAway(false);
    t.database.refuse(mutation -> mutation.key().equals(key(1)));
    t.environment.advance(java.time.Duration.ofSeconds(31));
    assertThat(heard)
        .containsSubsequence("deferred 1 refused on command", "parked 2 refused on command");
  }

  @Test
  void aListenerThatThrowsHarmsNobody() {
    t.open(
        t.builder()
            .listener(
                new CacheListener() {
                  @Override
                  public void written(Write event) {
                    throw new IllegalStateException("broken");
                  }
                })
            .listener(recorder));
    t.put(1, "a");
    t.put(2, "b");
    t.linger();
    assertThat(heard).containsExactly("written 1", "written 2", "flushed [1, 2]");
    assertThat(t.cache().status().pendingEntries()).isZero();
  }

  @Test
  void aListenerThatFallsBehindLosesEventsNotMemory() {
    t.open(t.builder().listener(recorder));
    int more = 10;
    for (int i = 0; i < CacheListener.MAX_BEHIND + more; i++) {
      t.put(1, "v" + i);
    }
    assertThat(t.cache().status().counters().lostEvents()).isEqualTo(more);
    t.environment.run();
    assertThat(heard).hasSize(CacheListener.MAX_BEHIND);
    t.linger();
    assertThat(heard).last().isEqualTo("flushed [1]");
  }
}
