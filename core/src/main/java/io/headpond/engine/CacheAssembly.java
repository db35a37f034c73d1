package io.headpond.engine;

import io.headpond.CacheBuilder;
import io.headpond.CacheListener;
import io.headpond.CacheSettings;
import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.Key;
import io.headpond.Overload;
import io.headpond.RecordType;
import io.headpond.Row;
import io.headpond.RowType;
import io.headpond.WriteBehindCache;
import io.headpond.spi.Environment;
import io.headpond.spi.HotStoreFactory;
import io.headpond.spi.SystemOfRecordFactory;
import io.headpond.spi.TenantColumn;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Puts a cache together. Not thread-safe. */
public final class CacheAssembly<K, V> implements CacheBuilder<K, V> {
  private final RowType declared;
  private final Function<RowType, EntryMapping<K, V>> mapping;
  private CacheSettings.Builder settings;
  private final List<CacheListener> listeners = new ArrayList<>();
  private boolean named;
  private @Nullable HotStoreFactory store;
  private @Nullable SystemOfRecordFactory systemOfRecord;
  private @Nullable Environment environment;
  private boolean adopt;
  private boolean flushes = true;
  private @Nullable String instance;

  private CacheAssembly(
      RowType declared, Function<RowType, EntryMapping<K, V>> mapping, @Nullable String name) {
    this.declared = declared;
    this.mapping = mapping;
    this.named = name != null;
    this.settings = CacheSettings.builder(name == null ? "" : name);
  }

  /** A builder for untyped rows. */
  public static CacheBuilder<Key, Row> builder(RowType rowType) {
    return new CacheAssembly<>(rowType, EntryMapping.rows(rowType), null);
  }

  /** A builder for records. */
  public static <K, V extends Record> CacheBuilder<K, V> builder(RecordType<K, V> recordType) {
    return new CacheAssembly<>(
        recordType.rowType(), EntryMapping.records(recordType), recordType.defaultName());
  }

  @Override
  public CacheBuilder<K, V> name(String name) {
    named = true;
    settings.name(name);
    return this;
  }

  @Override
  public CacheBuilder<K, V> store(HotStoreFactory store) {
    this.store = store;
    return this;
  }

  @Override
  public CacheBuilder<K, V> systemOfRecord(SystemOfRecordFactory systemOfRecord) {
    this.systemOfRecord = systemOfRecord;
    return this;
  }

  @Override
  public CacheBuilder<K, V> settings(CacheSettings settings) {
    named = true;
    this.settings = settings.toBuilder();
    return this;
  }

  @Override
  public CacheBuilder<K, V> durability(Durability durability) {
    settings.durability(durability);
    return this;
  }

  @Override
  public CacheBuilder<K, V> linger(Duration linger) {
    settings.linger(linger);
    return this;
  }

  @Override
  public CacheBuilder<K, V> maxBatchSize(int rows) {
    settings.maxBatchSize(rows);
    return this;
  }

  @Override
  public CacheBuilder<K, V> maxRetries(int retries) {
    settings.maxRetries(retries);
    return this;
  }

  @Override
  public CacheBuilder<K, V> retryDelay(Duration delay) {
    settings.retryDelay(delay);
    return this;
  }

  @Override
  public CacheBuilder<K, V> maxPendingEntries(int entries) {
    settings.maxPendingEntries(entries);
    return this;
  }

  @Override
  public CacheBuilder<K, V> maxPendingBytes(long bytes) {
    settings.maxPendingBytes(bytes);
    return this;
  }

  @Override
  public CacheBuilder<K, V> overload(Overload overload) {
    settings.overload(overload);
    return this;
  }

  @Override
  public CacheBuilder<K, V> targetLag(Duration age) {
    settings.targetLag(age);
    return this;
  }

  @Override
  public CacheBuilder<K, V> ttl(Duration ttl) {
    settings.ttl(ttl);
    return this;
  }

  @Override
  public CacheBuilder<K, V> cacheSize(long entries) {
    settings.cacheSize(entries);
    return this;
  }

  @Override
  public CacheBuilder<K, V> tenant(@Nullable String keyColumn) {
    settings.tenant(keyColumn);
    return this;
  }

  @Override
  public CacheBuilder<K, V> partitions(int partitions) {
    settings.partitions(partitions);
    return this;
  }

  @Override
  public CacheBuilder<K, V> staleReads(boolean staleReads) {
    settings.staleReads(staleReads);
    return this;
  }

  @Override
  public CacheBuilder<K, V> listener(CacheListener listener) {
    listeners.add(Objects.requireNonNull(listener, "listener"));
    return this;
  }

  @Override
  public CacheBuilder<K, V> flushes(boolean flushes) {
    this.flushes = flushes;
    return this;
  }

  @Override
  public CacheBuilder<K, V> instance(String name) {
    this.instance = Objects.requireNonNull(name, "name");
    return this;
  }

  @Override
  public CacheBuilder<K, V> adopt() {
    this.adopt = true;
    return this;
  }

  @Override
  public CacheBuilder<K, V> environment(Environment environment) {
    this.environment = environment;
    return this;
  }

  @Override
  public WriteBehindCache<K, V> build() {
    if (!named) {
      throw new ConfigurationException("name: missing; call .name(...) on the builder");
    }
    HotStoreFactory storeFactory = required(store, "store");
    SystemOfRecordFactory recordFactory = required(systemOfRecord, "systemOfRecord");
    CacheSettings checked = settings.build();
    TenantColumn.of(declared, checked.tenant());
    Environment given = environment;
    if (given != null) {
      return open(checked, storeFactory, recordFactory, given, () -> {});
    }
    SystemEnvironment own = new SystemEnvironment(checked.name());
    try {
      return open(checked, storeFactory, recordFactory, own, own::close);
    } catch (RuntimeException | Error e) {
      own.close();
      throw e;
    }
  }

  private WriteBehindCache<K, V> open(
      CacheSettings settings,
      HotStoreFactory stores,
      SystemOfRecordFactory records,
      Environment environment,
      Runnable afterClose) {
    Startup.Started started =
        new Startup(settings, declared, listeners, environment, adopt, new Role(flushes, instance))
            .open(stores, records);
    RowType rowType = started.core().systemOfRecord().rowType();
    return new Cache<>(started.core(), started.engine(), mapping.apply(rowType), afterClose);
  }

  private static <T> T required(@Nullable T value, String name) {
    if (value == null) {
      throw new ConfigurationException(name + ": missing; call ." + name + "(...) on the builder");
    }
    return value;
  }
}
