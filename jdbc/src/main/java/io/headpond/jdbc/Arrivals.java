package io.headpond.jdbc;

import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Tells those who wait for rows of a table that some were written. Thread-safe. */
final class Arrivals {
  private static final Logger log = LoggerFactory.getLogger(Arrivals.class);

  private record Waiting(Supplier<MappedTable> child, Runnable listener) {}

  private final List<Waiting> waiting = new CopyOnWriteArrayList<>();

  /**
   * From now on the listener is told of rows of each table that the child's foreign keys refer to.
   *
   * @param child as it is known at the time
   */
  void listen(Supplier<MappedTable> child, Runnable listener) {
    waiting.add(new Waiting(child, listener));
  }

  /** Forgets the listeners of this very child. */
  void leave(Supplier<MappedTable> child) {
    waiting.removeIf(each -> each.child() == child);
  }

  /** Rows of this table were committed. Returns at once. */
  void arrived(MappedTable table) {
    TableName name = new TableName(table.schema(), table.name());
    for (Waiting each : waiting) {
      MappedTable child = each.child().get();
      if (child.parents().contains(name)) {
        CompletableFuture<Void> unused =
            CompletableFuture.runAsync(each.listener())
                .whenComplete(
                    (done, failure) -> {
                      if (failure != null) {
                        log.warn(
                            "{}: a listener for rows of {} failed",
                            child.qualified(),
                            table.qualified(),
                            failure);
                      }
                    });
      }
    }
  }
}
