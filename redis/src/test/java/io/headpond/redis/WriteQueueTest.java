package io.headpond.redis;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.ColumnType;
import io.headpond.Durability;
import io.headpond.RowType;
import io.headpond.spi.Write;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/** How writes wait. */
class WriteQueueTest {
  private static final RowType TYPE =
      RowType.builder().key("id", ColumnType.INTEGER).column("text", ColumnType.TEXT).build();

  private final Deque<CompletableFuture<Void>> calls = new ArrayDeque<>();
  private final List<WriteQueue.Waiting> sent = new ArrayList<>();
  private boolean down;

  private static WriteQueue.Waiting write(int id) {
    Durability level = id % 2 == 0 ? Durability.MEMORY : Durability.DISK;
    return new WriteQueue.Waiting(
        new Write(TYPE.key(id), TYPE.rowOf("x"), level),
        1,
        List.of(Keys.bytes(id)),
        List.of(),
        level,
        new CompletableFuture<>());
  }

  /** A call needs some of its thread's stack. */
  private static int deep(int frames) {
    return frames == 0 ? 0 : 1 + deep(frames - 1);
  }

  @Test
  void allThatWaitAreSentThoughEachFailsAtOnce() throws Exception {
    WriteQueue queue =
        new WriteQueue(
            batch -> {
              deep(50);
              sent.addAll(batch);
              if (down) {
                return CompletableFuture.completedFuture(null);
              }
              calls.add(new CompletableFuture<>());
              return calls.getLast();
            });
    int many = 16_000;
    for (int i = 0; i < many; i++) {
      queue.add(write(i));
    }
    assertThat(calls).hasSize(2);
    // The connection is lost, so what waits has its answer as soon as it is sent; there are as many
    // calls as writes since their levels differ.
    down = true;
    Thread small =
        new Thread(null, () -> calls.forEach(call -> call.complete(null)), "io", 1 << 19);
    small.start();
    small.join();
    assertThat(sent.size()).isEqualTo(many);
    down = false;
    queue.add(write(many));
    assertThat(calls).hasSize(3);
  }
}
