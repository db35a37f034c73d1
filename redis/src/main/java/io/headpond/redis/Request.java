package io.headpond.redis;

import io.headpond.OutcomeUnknownException;
import io.headpond.UnavailableException;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.protocol.Command;
import io.lettuce.core.protocol.CommandArgs;
import io.lettuce.core.protocol.ProtocolKeyword;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;

/**
 * A command on its way. Its {@link #answer} completes with the server's reply, or fails with a {@link ServerErrorException} an {@link OutcomeUnknownException}, or an {@link
 * UnavailableException} if it was not sent.
 * Thread-safe.
 */
final class Request extends Command<byte[], byte[], Object> {

  /** The word of a command. */
  enum Word implements ProtocolKeyword {
    ASKING,
    CLUSTER,
    CONFIG,
    EVAL,
    EVALSHA,
    INFO,
    MGET,
    PING,
    SENTINEL,
    WAIT;

    private final byte[] bytes = name().getBytes(StandardCharsets.US_ASCII);

    @Override
    public byte[] getBytes() {
      return bytes;
    }
  }

  private volatile @Nullable Connection on;
  private final CompletableFuture<@Nullable Object> answer = new CompletableFuture<>();

  private Request(Word word, CommandArgs<byte[], byte[]> args) {
    super(word, new Reply(), args);
  }

  static Request of(Word word, String... args) {
    CommandArgs<byte[], byte[]> list = new CommandArgs<>(ByteArrayCodec.INSTANCE);
    for (String arg : args) {
      list.add(arg);
    }
    return new Request(word, list);
  }

  static Request mget(List<byte[]> keys) {
    return new Request(Word.MGET, new CommandArgs<>(ByteArrayCodec.INSTANCE).addKeys(keys));
  }

  /** A script by what the server knows it by, with the run id of that server as the last argument. */
  static Request evalsha(Script script, List<byte[]> keys, List<byte[]> args, String run) {
    CommandArgs<byte[], byte[]> list = new CommandArgs<>(ByteArrayCodec.INSTANCE);
    return new Request(Word.EVALSHA, with(list.add(script.sha()), keys, args, run));
  }

  /** A script by its text. */
  static Request eval(Script script, List<byte[]> keys, List<byte[]> args, String run) {
    CommandArgs<byte[], byte[]> list = new CommandArgs<>(ByteArrayCodec.INSTANCE);
    return new Request(Word.EVAL, with(list.add(script.source()), keys, args, run));
  }

  private static CommandArgs<byte[], byte[]> with(
      CommandArgs<byte[], byte[]> list, List<byte[]> keys, List<byte[]> args, String run) {
    list.add(keys.size()).addKeys(keys);
    for (byte[] arg : args) {
      list.add(arg);
    }
    return list.add(run);
  }

  CompletableFuture<@Nullable Object> answer() {
    return answer;
  }

  /** Before it is sent. */
  void sentOn(Connection connection) {
    on = connection;
  }

  /** Fails the answer. Never on this thread: it may hold the lock of the connection, and who hears of it may hold another and wait for this one. */
  private void fail(RuntimeException why) {
    super.cancel();
    Connection connection = on;
    try {
      if (connection != null) {
        connection.executor().execute(() -> answer.completeExceptionally(why));
        return;
      }
    } catch (RejectedExecutionException e) {
      // All is closed, and nobody else will tell.
    }
    answer.completeExceptionally(why);
  }

  /** It was not sent. */
  void refuse(UnavailableException why) {
    fail(why);
  }

  /** There will be no answer. It is not known what became of it. */
  void lost(String why) {
    fail(new OutcomeUnknownException(why));
  }

  @Override
  public void complete() {
    super.complete();
    if (output.hasError()) {
      answer.completeExceptionally(new ServerErrorException(output.getError()));
    } else {
      answer.complete(output.get());
    }
  }

  @Override
  public boolean completeExceptionally(Throwable cause) {
    Connection connection = on;
    if (connection != null) {
      // Nobody may see that this one failed, and still send another one there.
      connection.broken(cause);
    }
    lost("the connection was lost; it is not known whether the command was carried out");
    return true;
  }

  @Override
  public void cancel() {
    completeExceptionally(new IllegalStateException("it was closed"));
  }
}
