package io.headpond.redis;

import io.headpond.ConfigurationException;
import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.UnavailableException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The servers behind an URL: one, the master that Sentinels know, or a cluster. Their settings are looked at when a connection is made and once a minute, and what they keep follows from it.
 * Thread-safe.
 */
final class Servers implements Wire {
  /** How long an answer is waited for. */
  static final Duration TIMEOUT = Duration.ofSeconds(5);

  private static final Logger log = LoggerFactory.getLogger(Servers.class);
  private static final Duration TICK = Duration.ofMillis(100);
  private static final int TICKS_TO_CHECK = 600;
  private static final int TICKS_TO_LOOK = 50;

  private final Connector connector;
  private final Routes routes;
  private final Router router;
  private final Subscription subscription;
  private final Topology topology;
  private @Nullable Subscription watch;
  private final AtomicReferenceArray<@Nullable Lane> lanes =
      new AtomicReferenceArray<>(Slots.COUNT);
  private volatile Set<Durability> levels = Set.of();
  private volatile boolean open;
  private volatile boolean closed;
  private int ticks;

  private Servers(Connector connector) {
    this.connector = connector;
    this.topology = Topology.of(connector);
    this.routes = new Routes(topology, connector, this::changed);
    this.router = new Router(routes, connector);
    this.subscription = new Subscription(connector, this::anyone, connector::connectToSubscribe);
  }

  /**
   * Connects. Blocks until all masters have answered and their settings are known.
   *
   * @param timeout for connecting, and for an answer
   * @throws ConfigurationException if the URL is wrong, or leads to something that cannot be used as it is
   * @throws UnavailableException if there is no server now, or it is not ready
   */
  static Servers open(String url, Duration timeout) {
    Servers servers = new Servers(new Connector(RedisUrl.parse(url), timeout));
    try {
      servers.begin();
      return servers;
    } catch (RuntimeException e) {
      servers.close();
      throw e;
    }
  }

  private void begin() {
    connector.schedule(TICK, this::tick);
    try {
      routes.refresh().get(connector.timeout().toMillis() * 3, TimeUnit.MILLISECONDS);
    } catch (ExecutionException e) {
      Throwable cause = Problems.unwrap(e.getCause() == null ? e : e.getCause());
      throw cause instanceof HeadpondException known
          ? known
          : new UnavailableException(routes.description() + ": " + cause.getMessage(), cause);
    } catch (TimeoutException e) {
      throw new UnavailableException(routes.description() + " does not answer", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new UnavailableException("interrupted while connecting to " + routes.description(), e);
    }
    String trouble = routes.known();
    if (trouble != null) {
      throw new UnavailableException(trouble);
    }
    for (Node node : routes.nodes()) {
      Safety safety = node.safety();
      if (safety != null && safety.refusal() != null) {
        throw new ConfigurationException(safety.refusal());
      }
    }
    levels = together();
    open = true;
    welcome();
    watch = topology.watch(this::refresh);
  }

  private void welcome() {
    List<String> products = new ArrayList<>();
    List<String> stronger = new ArrayList<>();
    for (Node node : routes.nodes()) {
      ServerFacts facts = node.facts();
      Safety safety = node.safety();
      if (facts != null && !products.contains(facts.product())) {
        products.add(facts.product());
      }
      if (safety != null && safety.stronger() != null) {
        stronger.add(safety.stronger());
      }
    }
    log.info(
        "{}: {}, keeps {}{}",
        routes.description(),
        String.join(", ", products),
        names(levels),
        stronger.isEmpty() ? "" : "; stronger with " + String.join("; ", stronger));
  }

  /** What all masters keep that were looked at; as before if there are none. */
  private Set<Durability> together() {
    Set<Durability> all = null;
    for (Node node : routes.nodes()) {
      Safety safety = node.safety();
      if (safety != null && all == null) {
        all = new HashSet<>(safety.levels());
      } else if (safety != null && all != null) {
        all.retainAll(safety.levels());
      }
    }
    return all == null ? levels : Set.copyOf(all);
  }

  private synchronized void changed() {
    if (!open) {
      return;
    }
    Set<Durability> now = together();
    Set<Durability> before = levels;
    levels = now;
    if (now.containsAll(before)) {
      if (!now.equals(before)) {
        log.info("{} keeps {} now", routes.description(), names(now));
      }
    } else {
      List<String> reasons = reasons();
      log.warn(
          "{} keeps {} now, it kept {} before{}",
          routes.description(),
          names(now),
          names(before),
          reasons.isEmpty() ? "" : ": " + String.join("; ", reasons));
    }
  }

  private static String names(Set<Durability> levels) {
    return levels.isEmpty() ? "nothing" : new TreeSet<>(levels).toString();
  }

  private void tick() {
    if (closed) {
      return;
    }
    ticks++;
    Collection<Node> nodes = routes.nodes();
    connector.checkTimeouts();
    if (ticks % TICKS_TO_CHECK == 0) {
      nodes.forEach(Node::check);
    }
    if (ticks % TICKS_TO_LOOK == 0) {
      nodes.stream().filter(Node::troubled).forEach(Node::check);
    }
    if (ticks % TICKS_TO_LOOK == 0 && connector.url().kind() != RedisUrl.Kind.SINGLE) {
      refresh();
    }
    connector.schedule(TICK, this::tick);
  }

  private void refresh() {
    routes.refresh().exceptionally(failure -> null);
  }

  /** Looks at the settings of all servers now, not only when the minute is over. */
  void check() {
    routes.nodes().forEach(Node::check);
  }

  private @Nullable Address anyone() {
    List<Node> nodes = List.copyOf(routes.nodes());
    return nodes.isEmpty()
        ? null
        : nodes.get(ThreadLocalRandom.current().nextInt(nodes.size())).address();
  }

  @Override
  public CompletionStage<Answer> script(
      Script script, List<byte[]> keys, List<byte[]> args, Durability level) {
    int slot = Slots.of(keys.get(0));
    Call call = new Call(slot, script, keys, args, level, new CompletableFuture<>());
    lane(slot).add(call);
    return call.result();
  }

  @Override
  public CompletionStage<Answer> get(List<byte[]> keys) {
    Call call =
        new Call(
            Slots.of(keys.get(0)),
            null,
            keys,
            List.of(),
            Durability.MEMORY,
            new CompletableFuture<>());
    router.carry(call).whenComplete((done, failure) -> Lane.finish(call, done, failure));
    return call.result();
  }

  private Lane lane(int slot) {
    Lane lane = lanes.get(slot);
    if (lane != null) {
      return lane;
    }
    lanes.compareAndSet(slot, null, new Lane(router::carry));
    lane = lanes.get(slot);
    if (lane == null) {
      throw new IllegalStateException();
    }
    return lane;
  }

  @Override
  public void subscribe(byte[] channel, Consumer<byte[]> heard, Runnable missed) {
    subscription.add(channel, heard, missed);
  }

  @Override
  public Set<Durability> levels() {
    return levels;
  }

  @Override
  public List<String> reasons() {
    List<String> reasons = new ArrayList<>();
    String trouble = routes.known();
    if (trouble != null) {
      reasons.add(trouble);
    }
    for (Node node : routes.nodes()) {
      String away = node.trouble();
      if (away != null) {
        reasons.add(away);
      }
      Safety safety = node.safety();
      if (safety != null) {
        if (safety.refusal() != null) {
          reasons.add(safety.refusal());
        }
        reasons.addAll(safety.troubles());
      }
    }
    return List.copyOf(reasons);
  }

  @Override
  public String description() {
    return routes.description();
  }

  @Override
  public void close() {
    closed = true;
    subscription.close();
    Subscription watching = watch;
    if (watching != null) {
      watching.close();
    }
    routes.close();
    router.close();
    connector.close();
  }
}
