package io.headpond.server;

import io.headpond.CacheStatus;
import io.headpond.FlushReport;
import io.headpond.server.config.ListenConfig;
import io.headpond.server.config.ServerConfig;
import io.headpond.server.http.Access;
import io.headpond.server.http.ApiServlet;
import io.headpond.server.http.Dataset;
import io.headpond.server.http.Discarded;
import io.headpond.server.http.HttpServer;
import io.headpond.server.http.Tls;
import io.headpond.server.lab.Lab;
import io.headpond.server.seeds.Seeds;
import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.ssl.SslBundles;

/**
 * A running server: data folder, database, datasets and web server, opened in this order and closed in the reverse
 * one. Thread-safe.
 */
final class Server implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Server.class);

  /**
   * How a server ended.
   *
   * @param written entries that were written to the database while it ran
   * @param pending how many are still pending, by dataset; empty if none are
   * @param letters how many dead letters are kept, by dataset; empty if there are none
   * @param seenTo whether nothing is pending, or other servers bring it to the database
   */
  record Stopped(
      long written, Map<String, Integer> pending, Map<String, Integer> letters, boolean seenTo) {}

  /** For the database to say who works. */
  private static final Duration LOOK = Duration.ofSeconds(3);

  private final ServerConfig config;
  private final Deque<AutoCloseable> opened = new ArrayDeque<>();
  private final List<Dataset> datasets = new ArrayList<>();
  private final Lab lab;
  private final ApiServlet api;
  private final Backend backend;
  private final HttpServer http;

  private Server(ServerConfig config) {
    this.config = config;
    Backend.check(config);
    this.lab = new Lab(config.lab());
    ListenConfig listen = config.listen();
    this.api = new ApiServlet(lab, Access.of(listen.tokens()));
    if (!config.store().api()) {
      api.workOnly();
    }
    InetAddress host = ListenPort.resolve(listen.host());
    ListenPort.requireFree(host, listen.port());
    SslBundles tls = listen.tls() == null ? null : Tls.load(listen.tls());
    warnOfExposure(host, listen);
    try {
      opened.push(DataFolder.open(config.dataDir()));
      AbandonedJournals.refuse(config);
      // Tomcat and the database take about as long to start; one waits for nothing of the other.
      CompletableFuture<HttpServer> listening =
          CompletableFuture.supplyAsync(() -> listen(host, listen.port(), tls, api));
      try {
        backend = Backend.open(config, lab);
        opened.push(backend);
        opened.push(() -> Opening.close(datasets));
        Discarded discarded = new Discarded(config.dataDir());
        // Where tables are created one may refer to another: in the order of the list.
        datasets.addAll(
            Opening.open(
                config.datasets(),
                !backend.isEmbedded(),
                each -> new Dataset(each, backend.cache(each, false), lab, discarded)));
      } catch (RuntimeException | Error e) {
        listening.handle((server, failure) -> server).thenAccept(Server::closeIfStarted).join();
        throw e;
      }
      http = await(listening);
      opened.push(http);
      api.open(datasets, Seeds.over(datasets));
    } catch (RuntimeException | Error e) {
      // A stop signal ends a start by an interrupt; what was opened is closed all the same.
      boolean interrupted = Thread.interrupted();
      close();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
      throw e;
    }
  }

  /**
   * Starts all of it. If anything fails, or the thread is interrupted, what had been started is stopped again.
   *
   * @throws io.headpond.HeadpondException or an {@link io.headpond.postgres.EmbeddedPostgresException}, with what to do
   */
  static Server start(ServerConfig config) {
    return new Server(config);
  }

  int port() {
    return http.port();
  }

  Backend backend() {
    return backend;
  }

  ServerConfig config() {
    return config;
  }

  /** What of it is not well, for people; empty if all is. */
  List<String> reasons() {
    List<String> reasons = new ArrayList<>(lab.reasons());
    for (Dataset dataset : datasets) {
      dataset
          .cache()
          .status()
          .reasons()
          .forEach(reason -> reasons.add(dataset.name() + ": " + reason));
    }
    return reasons;
  }

  /** Takes no more writes, and writes what is pending within the deadline, unless other servers do. What it returns is final; {@link #close} is due. */
  Stopped drain() {
    api.stopWrites();
    Map<Dataset, Boolean> others = new LinkedHashMap<>();
    List<CompletableFuture<FlushReport>> drains = new ArrayList<>();
    for (Dataset dataset : datasets) {
      boolean theirs = othersWork(dataset);
      others.put(dataset, theirs);
      boolean elsewhere = theirs || !config.store().worker();
      drains.add(dataset.cache().drainAsync(elsewhere ? Duration.ZERO : config.drainTimeout()));
    }
    for (CompletableFuture<FlushReport> drain : drains) {
      FlushReport report = drain.handle((r, failure) -> r).join();
      if (report != null && report.error() != null) {
        LOG.warn("the database did not take everything: {}", report.error());
      }
    }
    long written = 0;
    boolean done = true;
    Map<String, Integer> pending = new LinkedHashMap<>();
    Map<String, Integer> letters = new LinkedHashMap<>();
    for (Dataset dataset : datasets) {
      CacheStatus status = dataset.cache().status();
      written += status.counters().applied();
      if (status.pendingEntries() > 0) {
        pending.put(dataset.name(), status.pendingEntries());
        done &= Boolean.TRUE.equals(others.get(dataset));
      }
      if (status.parked() > 0) {
        letters.put(dataset.name(), status.parked());
      }
    }
    return new Stopped(written, pending, letters, done);
  }

  /** Whether another process brings a dataset's entries to the database; not if the database does not say. */
  private boolean othersWork(Dataset dataset) {
    return config.store().shared()
        && dataset
            .cache()
            .workersAsync()
            .orTimeout(LOOK.toMillis(), TimeUnit.MILLISECONDS)
            .handle(
                (workers, failure) ->
                    failure == null
                        && workers.workers().stream().anyMatch(worker -> !worker.self()))
            .join();
  }

  /** Closes in the reverse order of opening, whatever fails on the way. */
  @Override
  public void close() {
    while (!opened.isEmpty()) {
      AutoCloseable next = opened.pop();
      try {
        next.close();
      } catch (Exception e) {
        LOG.warn("not all was closed as it should be: {}", e.getMessage(), e);
      }
    }
  }

  /** What others on the network can do or see. */
  private static void warnOfExposure(InetAddress host, ListenConfig listen) {
    if (host.isLoopbackAddress()) {
      return;
    }
    if (listen.tokens().isEmpty()) {
      LOG.warn(
          "{} is open to everybody who reaches it, without tokens (--allow-anonymous)",
          listen.host());
    } else if (listen.tls() == null) {
      LOG.warn(
          "tokens and values cross the network to {} in the clear; set server.tls, or put a proxy"
              + " that speaks TLS in front",
          listen.host());
    }
  }

  private static HttpServer listen(
      InetAddress host, int port, @Nullable SslBundles tls, ApiServlet api) {
    try {
      return HttpServer.start(host, port, tls, api);
    } catch (HttpServer.PortTakenException e) {
      throw ListenPort.taken(host, port, e);
    }
  }

  private static HttpServer await(CompletableFuture<HttpServer> listening) {
    try {
      return listening.join();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException cause ? cause : e;
    }
  }

  private static void closeIfStarted(@Nullable HttpServer server) {
    if (server != null) {
      server.close();
    }
  }
}
