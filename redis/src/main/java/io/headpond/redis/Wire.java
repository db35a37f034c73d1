package io.headpond.redis;

import io.headpond.Durability;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The servers of a hot store: carries commands to the one that has their keys.
 *
 * <p><b>Once.</b> A command is sent once, or not at all. If it surely was not carried out (there is no connection, the server refused it as a whole, the slot
 * is somewhere else) the stage fails with {@link io.headpond.UnavailableException}, after it was tried again for a while where that can help: a slot that
 * moves, a master that changes. If it may have been (the connection broke, no answer in time) it fails with {@link io.headpond.OutcomeUnknownException}. Nothing is
 * ever sent again by the client library. A script that answers with an error has done nothing, ours see to that; the words of the error are in the message.
 *
 * <p><b>Where.</b> All keys of a call have one slot, that of the first; by it the server is found.
 *
 * <p><b>Which server.</b> Each answer says by its run id which server process gave it: a connection leads to one process for all its life, and is never made again under another
 * one's name. A script is given that run id as its last argument, so that it can tell that the server was restarted, or replaced, since a partition was opened.
 *
 * <p><b>Order.</b> Scripts for one slot are carried out in the order in which they were given, as long as none fails: one is sent when the one before it was answered, so who has many writes puts them
 * into one script. Gets have no order.
 *
 * <p>Thread-safe. Nothing blocks but {@link #close}. Stages may be completed on a thread of the client library, which must not be blocked.
 */
interface Wire extends AutoCloseable {
  /**
   * What a server answered.
   *
   * @param run run id of the server process
   * @param reply an integer as {@link Long}, a string as {@code byte[]}, an array as {@link List} of such, nil as null
   */
  record Answer(String run, @Nullable Object reply) {}

  /**
   * Runs a script.
   *
   * @param keys all that it touches, at least one; of one slot
   * @param args those before the run id
   * @param level what its answer stands for, not {@code DATABASE}: the stage completes when what it, or anything before it, wrote has survived that. If the server does not keep the level at
   *     that moment it fails with {@link io.headpond.UnsupportedDurabilityException} and nothing was done; if the replicas do not have it in time, with {@link io.headpond.OutcomeUnknownException}
   */
  CompletionStage<Answer> script(
      Script script, List<byte[]> keys, List<byte[]> args, Durability level);

  /** The values of some keys of one slot, at least one, as an array of strings and nils. */
  CompletionStage<Answer> get(List<byte[]> keys);

  /** Hears what is published in a channel, from now on and through all reconnects; {@code missed} is told whenever something may have been missed. */
  void subscribe(byte[] channel, Consumer<byte[]> heard, Runnable missed);

  /** The levels that the servers keep now, {@link Durability#DATABASE} not among them; empty if they cannot be used at all. */
  Set<Durability> levels();

  /** What keeps the store from being as well as it could be, for people, one line each. */
  List<String> reasons();

  /** For people: where the servers are, without credentials. */
  String description();

  @Override
  void close();
}
