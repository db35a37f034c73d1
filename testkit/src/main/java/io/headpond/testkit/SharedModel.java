package io.headpond.testkit;

import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.Key;
import io.headpond.OutcomeUnknownException;
import io.headpond.UnavailableException;
import io.headpond.journal.JournalStore;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Mutation;
import io.headpond.spi.Opened;
import io.headpond.spi.SharedStore;
import io.headpond.spi.SharedStore.Signals;
import io.headpond.spi.StoreId;
import io.headpond.spi.Taken;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A server that several processes share as their hot store, in memory: a journal store on a simulated disk, and a replica that is behind. It fails over and loses its tail, is
 * restarted, is emptied, and does not answer, on command; its signals get lost, come late or twice. After each of the first three its partitions take nothing until they are opened.
 *
 * <p>Writes at {@link Durability#DISK} and above are on the replica before they are acknowledged, the others when somebody {@linkplain #replicate says so}. Everything happens as tasks of the
 * environment, so a run repeats exactly; for one thread.
 */
public final class SharedModel {
  private static final int SEGMENT_SIZE = 1 << 16;

  final ManualEnvironment environment;
  private final StoreId id;
  private final List<SharedModelHandle> handles = new ArrayList<>();
  private final Set<Weakness> weaknesses = EnumSet.noneOf(Weakness.class);
  private final Set<Durability> levels = EnumSet.allOf(Durability.class);
  private SimulatedDisk disk = new SimulatedDisk();
  private @Nullable Server server;
  private HotStoreFactory.@Nullable Settings settings;
  private @Nullable State replica;
  private byte @Nullable [] remembered;
  private boolean away;
  private boolean loseSignals;
  private boolean doubleSignals;
  private Duration signalDelay = Duration.ZERO;

  /** What such a store may not do. To see that a test finds out. */
  public enum Weakness {
    /** After a failover it goes on as if nothing had been lost. */
    STAYS_OPEN,
    /** It does not tell which versions it has forgotten. */
    DOES_NOT_TELL_WHAT_IT_LOST,
    /** It tells the time and what is pending as it was a second ago. */
    OLD_HORIZON
  }

  /** The server process and what it has in memory beside the journal. */
  private static final class Server {
    private final JournalStore journal;
    private final State state;

    private Server(JournalStore journal, State state) {
      this.journal = journal;
      this.state = state;
    }
  }

  /** What the server has beside the journal, for each partition. */
  private static final class State {
    private final SimulatedDisk disk;

    /** The highest version given, or raised to. */
    private final long[] clock;

    private final long[] epoch;

    /** The clock when it was opened after it had been closed. */
    private final long[] life;

    private final long[] lostAfter;
    private final long[] lostUntil;
    private final boolean[] closed;

    /** How many batches are being taken. */
    private final int[] taking;

    /** By write id, whether a batch has taken a staged write. */
    private final Map<Long, Boolean> staged = new HashMap<>();

    private State(SimulatedDisk disk, int partitions) {
      this.disk = disk;
      clock = new long[partitions];
      epoch = new long[partitions];
      life = new long[partitions];
      lostAfter = new long[partitions];
      lostUntil = new long[partitions];
      closed = new boolean[partitions];
      taking = new int[partitions];
      Arrays.fill(closed, true);
    }

    /** As another server process finds it: nothing is open, and what was staged is forgotten. */
    private State copy(SimulatedDisk onto) {
      State copy = new State(onto, clock.length);
      System.arraycopy(clock, 0, copy.clock, 0, clock.length);
      System.arraycopy(epoch, 0, copy.epoch, 0, clock.length);
      System.arraycopy(lostAfter, 0, copy.lostAfter, 0, clock.length);
      System.arraycopy(lostUntil, 0, copy.lostUntil, 0, clock.length);
      return copy;
    }
  }

  /** A server that is up, with nothing in it. */
  public SharedModel(ManualEnvironment environment) {
    this.environment = environment;
    this.id = new StoreId(new UUID(environment.random(), environment.random()), "a model", true);
  }

  /** The store as a process has it. */
  public HotStoreFactory of(ManualProcess process) {
    return new HotStoreFactory() {
      @Override
      public HotStore open(Settings settings) {
        if (away) {
          throw new UnavailableException("the store does not answer");
        }
        if (server == null) {
          start(settings, new State(disk, settings.partitions()));
        }
        SharedModelHandle handle = new SharedModelHandle(SharedModel.this, process, settings);
        handles.add(handle);
        return handle;
      }

      @Override
      public byte @Nullable [] remembered(String dataset) {
        return remembered;
      }
    };
  }

  private void start(HotStoreFactory.Settings of, State state) {
    HotStoreFactory.Settings own =
        new HotStoreFactory.Settings(
            of.dataset(),
            of.rowType(),
            of.partitions(),
            of.maxPendingEntries(),
            of.maxPendingBytes(),
            of.cacheSize(),
            of.ttl(),
            of.maxBatchSize(),
            of.tenant(),
            environment);
    settings = own;
    disk = state.disk;
    server = new Server(JournalStore.on(disk).segmentSize(SEGMENT_SIZE).open(own), state);
    if (replica == null) {
      replicate();
    }
  }

  private Server server() {
    Server up = server;
    if (up == null) {
      throw new IllegalStateException("nobody has opened it");
    }
    return up;
  }

  /** The journal store behind it. */
  JournalStore journal() {
    return server().journal;
  }

  /** It does from now on what it may not do. */
  public void weaken(Weakness weakness) {
    weaknesses.add(weakness);
  }

  boolean weak(Weakness weakness) {
    return weaknesses.contains(weakness);
  }

  StoreId id() {
    return id;
  }

  /** The levels that it keeps. Default: all. */
  public void keep(Durability... kept) {
    levels.clear();
    levels.addAll(List.of(kept));
    levels.add(Durability.DATABASE);
  }

  Set<Durability> levels() {
    return levels;
  }

  List<String> reasons() {
    return away ? List.of("the store does not answer") : List.of();
  }

  void remember(byte[] bytes) {
    remembered = bytes;
  }

  /** The replica has all that there is now. */
  public void replicate() {
    State now = server().state;
    replica = now.copy(disk.copyWithHistory());
  }

  /** The replica takes over: what it did not have is lost. */
  public void failOver() {
    State next = replica;
    if (next == null) {
      throw new IllegalStateException("nobody has opened it");
    }
    become(next.copy(next.disk.copyWithHistory()));
  }

  /** Starts again with all that it had, but for what was staged. */
  public void restart() {
    become(server().state.copy(disk.copyWithHistory()));
  }

  /** Forgets everything, as with {@code FLUSHALL}. */
  public void empty() {
    become(new State(new SimulatedDisk(), server().state.clock.length));
    replicate();
  }

  private void become(State next) {
    Server last = server();
    HotStoreFactory.Settings own = settings;
    if (own == null) {
      throw new IllegalStateException("nobody has opened it");
    }
    last.journal.close();
    start(own, next);
  }

  /** It answers nobody from now on, or everybody again. */
  public void setAway(boolean away) {
    this.away = away;
    if (!away) {
      handles.forEach(handle -> tell(handle, Signals::missed));
    }
  }

  /** It does not answer this process from now on, or does again. */
  public void setAway(ManualProcess process, boolean away) {
    handles.stream().filter(handle -> handle.process() == process).forEach(h -> h.setAway(away));
  }

  /** The reply to the next change that this process asks for gets lost: it is carried out, and the process does not know. */
  public void loseNextReply(ManualProcess process) {
    handles.stream()
        .filter(handle -> handle.process() == process)
        .forEach(SharedModelHandle::loseNextReply);
  }

  /** All signals are lost from now on, without a word, or none any more. */
  public void setLoseSignals(boolean lose) {
    this.loseSignals = lose;
  }

  /** All signals come twice from now on, or once again. */
  public void setDoubleSignals(boolean twice) {
    this.doubleSignals = twice;
  }

  /** All signals are so late from now on. */
  public void setSignalDelay(Duration delay) {
    this.signalDelay = delay;
  }

  /** Entries that are pending, whatever a process believes. */
  public int pendingEntries() {
    return journal().pendingEntries();
  }

  boolean away() {
    return away;
  }

  /** Whether a partition takes anything; tells everybody if it does not. */
  boolean isOpen(int partition) {
    State state = server().state;
    if (!state.closed[partition] || (weak(Weakness.STAYS_OPEN) && state.epoch[partition] > 0)) {
      return true;
    }
    handles.forEach(handle -> tell(handle, signals -> signals.closed(partition)));
    return false;
  }

  CompletionStage<Opened> open(int partition, long epoch, long highVersion, boolean resumed) {
    State state = server().state;
    long known = state.clock[partition];
    return journal()
        .open(partition, epoch, highVersion, false)
        .thenApply(
            opened -> {
              if (resumed && highVersion > known) {
                boolean before = state.lostUntil[partition] != 0;
                state.lostAfter[partition] =
                    before ? Math.min(state.lostAfter[partition], known) : known;
                state.lostUntil[partition] = Math.max(state.lostUntil[partition], highVersion);
              }
              state.clock[partition] =
                  Math.max(Math.max(known, highVersion), environment.wallMicros());
              if (state.closed[partition]) {
                state.life[partition] = state.clock[partition];
              }
              state.epoch[partition] = epoch;
              state.closed[partition] = false;
              return weak(Weakness.DOES_NOT_TELL_WHAT_IT_LOST)
                  ? Opened.WHOLE
                  : new Opened(state.lostAfter[partition], state.lostUntil[partition]);
            });
  }

  long life(int partition) {
    return server().state.life[partition];
  }

  /** A version was given. */
  void given(int partition, Mutation mutation, Durability durability) {
    State state = server().state;
    state.clock[partition] = Math.max(state.clock[partition], mutation.version());
    if (durability == Durability.DATABASE) {
      state.staged.put(mutation.writeId(), false);
    }
    if (durability == Durability.DISK || durability == Durability.REPLICAS) {
      replicate();
    }
  }

  /** A batch is taken; until it is known of what, any staged write may be one of it. */
  CompletionStage<Taken> take(int partition, Supplier<CompletionStage<Taken>> take) {
    State state = server().state;
    state.taking[partition]++;
    return take.get()
        .whenComplete(
            (taken, failure) -> {
              state.taking[partition]--;
              if (failure == null && taken.staged()) {
                taken.mutations().forEach(mutation -> state.staged.put(mutation.writeId(), true));
              }
            });
  }

  CompletionStage<SharedStore.Withdrawal> withdraw(int partition, Mutation mutation) {
    State state = server().state;
    Boolean taken = state.staged.get(mutation.writeId());
    if (taken == null || taken || state.taking[partition] > 0) {
      return CompletableFuture.completedFuture(
          taken == null ? SharedStore.Withdrawal.GONE : SharedStore.Withdrawal.UNDER_WAY);
    }
    state.staged.remove(mutation.writeId());
    return journal()
        .unstage(partition, state.epoch[partition], mutation)
        .thenApply(there -> there ? SharedStore.Withdrawal.WITHDRAWN : SharedStore.Withdrawal.GONE);
  }

  /** These were settled or unstaged. */
  void ended(List<Mutation> mutations) {
    mutations.forEach(mutation -> server().state.staged.remove(mutation.writeId()));
  }

  /** Tells all others. */
  void tellOthers(SharedModelHandle teller, Consumer<Signals> signal) {
    handles.stream().filter(handle -> handle != teller).forEach(handle -> tell(handle, signal));
  }

  /** Whether so many ready entries are worth a signal. */
  boolean worthTelling(int ready) {
    HotStoreFactory.Settings own = settings;
    return ready == 1 || (own != null && ready % own.maxBatchSize() == 0);
  }

  private void tell(SharedModelHandle handle, Consumer<Signals> signal) {
    Signals listener = handle.listener();
    if (listener == null || loseSignals) {
      return;
    }
    for (int i = doubleSignals ? 2 : 1; i > 0; i--) {
      if (signalDelay.isZero()) {
        handle.process().execute(() -> signal.accept(listener));
      } else {
        handle.process().schedule(signalDelay, () -> signal.accept(listener));
      }
    }
  }

  /** Carries a request out, if the server answers. */
  <T extends @Nullable Object> CompletionStage<T> serve(
      boolean unreachable, int partition, Function<JournalStore, CompletionStage<T>> request) {
    if (away || unreachable) {
      return CompletableFuture.failedFuture(new UnavailableException("the store does not answer"));
    }
    if (partition >= 0 && !isOpen(partition)) {
      return CompletableFuture.failedFuture(
          new UnavailableException("partition " + partition + " of the store is closed"));
    }
    try {
      return request.apply(journal());
    } catch (HeadpondException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  static OutcomeUnknownException lostReply() {
    return new OutcomeUnknownException("the reply of the store was lost");
  }

  int partitions() {
    return server().state.clock.length;
  }

  int partition(Key key) {
    return key.partition(partitions());
  }
}
