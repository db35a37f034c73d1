package io.headpond.engine;

import io.headpond.CacheListener;
import io.headpond.CacheSettings;
import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.RowType;
import io.headpond.UnavailableException;
import io.headpond.engine.LateStart.Remembered;
import io.headpond.spi.Environment;
import io.headpond.spi.FencedException;
import io.headpond.spi.HotStore;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.Lease;
import io.headpond.spi.Opened;
import io.headpond.spi.SharedStore;
import io.headpond.spi.SystemOfRecord;
import io.headpond.spi.SystemOfRecordFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Opens a cache: connects the database, opens the store with the columns found there, ties the two together, takes all leases, and starts the flushers. With the database away it begins with the
 * columns that the store remembers, and the rest follows when the database answers. Not thread-safe.
 */
final class Startup {
  /** A database that went back has seen fewer leases than the store; hardly so many. */
  private static final int MOST_ADOPTIONS = 10_000;

  private static final Logger log = LoggerFactory.getLogger(Startup.class);

  private final CacheSettings settings;
  private final RowType declared;
  private final List<CacheListener> listeners;
  private final Environment environment;
  private final boolean adopt;
  private final Role role;

  Startup(
      CacheSettings settings,
      RowType declared,
      List<CacheListener> listeners,
      Environment environment,
      boolean adopt,
      Role role) {
    this.role = role;
    this.settings = settings;
    this.declared = declared;
    this.listeners = listeners;
    this.environment = environment;
    this.adopt = adopt;
  }

  /** A cache at work. */
  record Started(Core core, Engine engine) {}

  Started open(HotStoreFactory stores, SystemOfRecordFactory records) {
    try {
      return open(stores, records.connect(settings.name(), declared), null);
    } catch (UnavailableException away) {
      Remembered mapping = adopt ? null : Remembered.of(stores.remembered(settings.name()));
      if (mapping == null) {
        throw away;
      }
      return open(stores, resume(records, mapping, away), mapping);
    }
  }

  private SystemOfRecord resume(
      SystemOfRecordFactory records, Remembered mapping, UnavailableException away) {
    try {
      SystemOfRecord record = records.resume(settings.name(), declared, mapping.mapping());
      log.warn(
          "{}: starts without the database ({}); what is written is kept until it answers",
          settings.name(),
          away.getMessage());
      return record;
    } catch (UnavailableException | ConfigurationException e) {
      UnavailableException both =
          new UnavailableException(
              away.getMessage() + "; nor can it begin without the database: " + e.getMessage(),
              away);
      both.addSuppressed(e);
      throw both;
    }
  }

  /**
   * @param late the mapping with which it begins without the database; null if that is there
   */
  private Started open(HotStoreFactory stores, SystemOfRecord record, @Nullable Remembered late) {
    HotStore hotStore = null;
    try {
      HotStore store = stores.open(storeSettings(record.rowType()));
      hotStore = store;
      checkDurability(store);
      checkRole(store);
      Statistics statistics = new Statistics(environment);
      Core core =
          new Core(
              settings,
              store,
              record,
              environment,
              statistics,
              new Settlements(store, record, settings.partitions(), environment),
              new Listeners(listeners, environment, statistics));
      Engine engine;
      if (late != null) {
        engine = new Engine(core, List.of(), LateStart.with(core, late), role);
        engine.listen();
      } else {
        List<Lease> leases = shares(core) ? List.of() : leases(store, record);
        if (shares(core)) {
          environment.await(record.bind(store.id(), settings.partitions(), false));
        }
        engine = new Engine(core, leases, LateStart.none(core), role);
        engine.listen();
        environment.await(engine.openPartitions());
        LateStart.remember(settings.name(), store, record, environment.wallMicros());
      }
      engine.start();
      return new Started(core, engine);
    } catch (RuntimeException | Error e) {
      if (hotStore != null) {
        closeAfter(e, hotStore);
      }
      closeAfter(e, record);
      throw e;
    }
  }

  /** Ties the table to the store, takes all leases and opens the store's partitions with them. */
  private List<Lease> leases(HotStore store, SystemOfRecord record) {
    boolean resumed =
        environment.await(record.bind(store.id(), settings.partitions(), adopt)) && !adopt;
    List<CompletionStage<Lease>> acquired = new ArrayList<>();
    for (int i = 0; i < settings.partitions(); i++) {
      acquired.add(record.acquire(store.id(), i));
    }
    // All of them, whatever becomes of one: an acquisition that were still under way when the
    // leases are asked for again would fence this very process.
    environment.await(
        CompletableFuture.allOf(
                acquired.stream()
                    .map(CompletionStage::toCompletableFuture)
                    .toArray(CompletableFuture<?>[]::new))
            .handle((all, failure) -> true));
    List<CompletionStage<Opened>> opened = new ArrayList<>();
    List<Lease> leases = new ArrayList<>();
    for (CompletionStage<Lease> stage : acquired) {
      Lease lease = environment.await(stage);
      if (!adopt && lease.frontier() < store.frontier(lease.partition())) {
        throw new ConfigurationException(
            record.description()
                + ": "
                + Engine.wentBack(
                    lease.partition(), store.frontier(lease.partition()), lease.frontier()));
      }
      // A partition to which nothing was ever applied cannot show that the store is older than the
      // database.
      boolean wroteBefore = resumed && lease.lastBatch() != 0;
      if (adopt) {
        leases.add(adopted(lease, store, record));
      } else {
        opened.add(Acquisition.open(store, lease, wroteBefore));
        leases.add(lease);
      }
    }
    opened.forEach(environment::await);
    if (adopt) {
      // What the database has lost is accepted: the store remembers what it has now.
      for (Lease lease : leases) {
        environment.await(
            store.settle(lease.partition(), lease.epoch(), List.of(), lease.frontier()));
      }
    }
    return leases;
  }

  /** With the epoch above all that the store has seen, also if the database went back to a lower one. */
  private Lease adopted(Lease first, HotStore store, SystemOfRecord record) {
    Lease lease = first;
    for (int tries = 1; ; tries++) {
      try {
        environment.await(Acquisition.open(store, lease, false));
        return lease;
      } catch (FencedException e) {
        if (tries == MOST_ADOPTIONS) {
          throw e;
        }
        lease = environment.await(record.acquire(store.id(), lease.partition()));
      }
    }
  }

  /** Whether leases are taken as they are shared out. Who adopts a table takes them all first. */
  private boolean shares(Core core) {
    return core.shared() != null && !adopt;
  }

  private void checkRole(HotStore store) {
    if (!role.flushes() && !(store instanceof SharedStore)) {
      throw new ConfigurationException(
          "flushes: false: nothing would bring what is written to the database: "
              + store.id().description()
              + " belongs to this process alone. It needs a store that several processes share");
    }
  }

  private void checkDurability(HotStore store) {
    Durability chosen = settings.durability();
    if (chosen != null && !store.keeps(chosen)) {
      throw new ConfigurationException(
          "durability: " + chosen + ": " + store.id().description() + " keeps " + kept(store));
    }
  }

  private static String kept(HotStore store) {
    return Arrays.stream(Durability.values())
        .filter(level -> level != Durability.DATABASE && store.keeps(level))
        .map(Durability::toString)
        .collect(Collectors.joining(", "));
  }

  private HotStoreFactory.Settings storeSettings(RowType rowType) {
    return new HotStoreFactory.Settings(
        settings.name(),
        rowType,
        settings.partitions(),
        settings.maxPendingEntries(),
        settings.maxPendingBytes(),
        settings.cacheSize(),
        settings.ttl(),
        settings.maxBatchSize(),
        settings.tenant(),
        environment);
  }

  private static void closeAfter(Throwable failure, AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception e) {
      failure.addSuppressed(e);
    }
  }
}
