package io.headpond.redis;

import io.headpond.ConditionFailedException;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.RejectedException;
import io.headpond.UnavailableException;
import io.headpond.spi.Mutation;
import io.headpond.spi.SharedStore.Settled;
import io.headpond.spi.SharedStore.Signals;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The channel in which the processes of a dataset tell each other what they did. A process hears its own words as well: it needs no other way to learn of what it did itself. Thread-safe.
 *
 * <pre>
 * written PARTITION READY                         by scripts
 * settled VERSION KEY, a line for each further one: VERSION KEY
 * parked VERSION KEY, then in a new line what the database said
 * flush PARTITION                                 by processes
 * answered WRITE-ID                               the database has it
 * answered WRITE-ID KIND VERSION, then in a new line why not
 * </pre>
 */
final class Channel {
  private static final Logger log = LoggerFactory.getLogger(Channel.class);

  private final Caller caller;

  Channel(Caller caller) {
    this.caller = caller;
  }

  void listen(Signals signals) {
    caller.onClosed(signals::closed);
    caller.wire.subscribe(
        caller.keys.signals(), message -> hear(Keys.text(message), signals), signals::missed);
  }

  /** What is no message of ours is left alone: anybody may publish. */
  private void hear(String message, Signals signals) {
    try {
      int space = message.indexOf(' ');
      String rest = message.substring(space + 1);
      switch (message.substring(0, Math.max(0, space))) {
        case "written" -> {
          String[] numbers = rest.split(" ", -1);
          signals.written(partition(numbers[0]), Integer.parseInt(numbers[1]));
        }
        case "flush" -> signals.flushAsked(partition(rest));
        case "settled" -> {
          List<Settled> settled = new ArrayList<>();
          rest.lines().forEach(line -> settled.add(settled(line)));
          signals.settled(settled);
        }
        case "parked" -> {
          int end = rest.indexOf('\n');
          Settled of = settled(rest.substring(0, end));
          signals.parked(of.key(), of.version(), rest.substring(end + 1));
        }
        case "answered" ->
            signals.answered(
                HexFormat.fromHexDigitsToLong(rest, 0, 16),
                rest.length() == 16 ? null : failure(rest.substring(17)));
        default -> log.warn("{}: a message of no known kind", caller.settings.dataset());
      }
    } catch (RuntimeException e) {
      log.warn("{}: a message could not be understood", caller.settings.dataset(), e);
    }
  }

  private int partition(String number) {
    return caller.shard(Integer.parseInt(number)).number;
  }

  private Settled settled(String line) {
    int space = line.indexOf(' ');
    Key key = caller.texts.key(line.substring(space + 1));
    return new Settled(key, Long.parseLong(line.substring(0, space)));
  }

  CompletableFuture<@Nullable Void> askToFlush(int partition) {
    return tell("flush " + caller.shard(partition).number);
  }

  CompletableFuture<@Nullable Void> answer(Mutation mutation, @Nullable HeadpondException failure) {
    String id = HexFormat.of().toHexDigits(mutation.writeId());
    return tell("answered " + id + (failure == null ? "" : " " + text(failure)));
  }

  private CompletableFuture<@Nullable Void> tell(String message) {
    return Caller.store(
            caller.wire, Scripts.PUBLISH, caller.keys, caller.keys.signals(), Keys.bytes(message))
        .<@Nullable Void>thenApply(done -> null)
        .toCompletableFuture();
  }

  private static String text(HeadpondException failure) {
    long version =
        failure instanceof ConditionFailedException condition ? condition.currentVersion() : 0;
    return kind(failure) + " " + version + "\n" + failure.getMessage();
  }

  private static String kind(HeadpondException failure) {
    if (failure instanceof RejectedException) {
      return "rejected";
    } else if (failure instanceof ConditionFailedException) {
      return "condition";
    } else if (failure instanceof OutcomeUnknownException) {
      return "unknown";
    }
    return failure instanceof UnavailableException ? "unavailable" : "failed";
  }

  private static HeadpondException failure(String text) {
    int line = text.indexOf('\n');
    int space = text.indexOf(' ');
    String message = text.substring(line + 1);
    return switch (text.substring(0, space)) {
      case "rejected" -> new RejectedException(message);
      case "condition" ->
          new ConditionFailedException(message, Long.parseLong(text.substring(space + 1, line)));
      case "unavailable" -> new UnavailableException(message);
      case "failed" -> new HeadpondException(message);
      default -> new OutcomeUnknownException(message);
    };
  }
}
