package io.headpond.redis;

import static io.headpond.redis.ServerFacts.text;

import io.headpond.ConfigurationException;
import io.headpond.HeadpondException;
import io.headpond.UnavailableException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * The master that the Sentinels know. They are asked in any order until one answers; whether the server that it names is a master shows when that is connected to. A Sentinel is spoken to without a
 * password, and with that of the URL if it wants one.
 */
final class SentinelTopology implements Topology {
  /** What a Sentinel publishes in when another server has become master. */
  private static final byte[] SWITCHED = Keys.bytes("+switch-master");

  private final Connector connector;
  private volatile boolean loginNeeded;

  SentinelTopology(Connector connector) {
    this.connector = connector;
  }

  @Override
  public CompletionStage<Layout> discover(Collection<Connection> masters) {
    List<Address> sentinels = new ArrayList<>(connector.url().addresses());
    Collections.shuffle(sentinels);
    return ask(sentinels, 0, loginNeeded, null);
  }

  /** A Sentinel tells when there is another master. Until it is told the former one still takes writes, which go under. */
  @Override
  public @Nullable Subscription watch(Runnable switched) {
    List<Address> sentinels = connector.url().addresses();
    Subscription subscription =
        new Subscription(
            connector,
            () -> sentinels.get(ThreadLocalRandom.current().nextInt(sentinels.size())),
            sentinel -> connector.connectToSubscribeAtSentinel(sentinel, loginNeeded));
    subscription.add(SWITCHED, message -> switched.run(), switched);
    return subscription;
  }

  private CompletionStage<Layout> ask(
      List<Address> sentinels, int index, boolean login, @Nullable HeadpondException last) {
    if (index == sentinels.size()) {
      return CompletableFuture.failedFuture(
          last == null ? new UnavailableException("there are no Sentinels") : last);
    }
    Address sentinel = sentinels.get(index);
    return connector
        .connectToSentinel(sentinel, login)
        .thenCompose(
            connection ->
                ask(connection).whenComplete((layout, failure) -> connection.close("it was asked")))
        .handle(
            (layout, failure) -> {
              if (failure == null) {
                return CompletableFuture.completedFuture(layout);
              }
              HeadpondException problem = Problems.connecting(connector.url(), sentinel, failure);
              boolean wantsPassword =
                  !login
                      && connector.url().password() != null
                      && String.valueOf(problem.getMessage()).contains("NOAUTH");
              loginNeeded |= wantsPassword;
              return wantsPassword
                  ? ask(sentinels, index, true, problem)
                  : ask(sentinels, index + 1, login, problem);
            })
        .thenCompose(next -> next);
  }

  private CompletionStage<Layout> ask(Connection connection) {
    String name = String.valueOf(connector.url().master());
    Request master = Request.of(Request.Word.SENTINEL, "GET-MASTER-ADDR-BY-NAME", name);
    Request replicas = Request.of(Request.Word.SENTINEL, "SLAVES", name);
    connection.send(List.of(master, replicas));
    return master
        .answer()
        .exceptionally(failure -> noSentinel(connection.address(), failure))
        .thenCompose(
            found ->
                found instanceof List<?> address
                    ? replicas.answer().thenApply(list -> layout(address, list))
                    : unknown(connection, name));
  }

  private Object noSentinel(Address address, Throwable failure) {
    if (failure instanceof ServerErrorException error
        && error.text().toLowerCase(java.util.Locale.ROOT).contains("unknown command")) {
      throw new ConfigurationException(
          Problems.where(connector.url(), address)
              + " is no Sentinel; needed: the addresses of the Sentinels, or redis:// for a single server",
          failure);
    }
    throw failure instanceof RuntimeException unchecked
        ? unchecked
        : new IllegalStateException(failure);
  }

  private CompletionStage<Layout> unknown(Connection connection, String name) {
    return connection
        .send(Request.of(Request.Word.SENTINEL, "MASTERS"))
        .thenApply(
            reply -> {
              List<String> names = new ArrayList<>();
              if (reply instanceof List<?> masters) {
                masters.forEach(master -> names.add(fields(master).getOrDefault("name", "?")));
              }
              throw new ConfigurationException(
                  Problems.where(connector.url(), connection.address())
                      + " knows no master "
                      + name
                      + "; it knows: "
                      + String.join(", ", names));
            });
  }

  private static Layout layout(List<?> address, @Nullable Object replicas) {
    Address master = new Address(text(address.get(0)), Integer.parseInt(text(address.get(1))));
    Set<Address> promotable = new HashSet<>();
    if (replicas instanceof List<?> list) {
      for (Object replica : list) {
        Map<String, String> fields = fields(replica);
        if (up(fields.getOrDefault("flags", "")) && !"0".equals(fields.get("slave-priority"))) {
          promotable.add(
              new Address(
                  fields.getOrDefault("ip", ""),
                  Integer.parseInt(fields.getOrDefault("port", "0"))));
        }
      }
    }
    return new Layout(List.of(new Shard(master, promotable, Topology.all())), null);
  }

  /** The Sentinels do not promote what they think is down. */
  private static boolean up(String flags) {
    return !flags.contains("s_down")
        && !flags.contains("o_down")
        && !flags.contains("disconnected");
  }

  private static Map<String, String> fields(@Nullable Object reply) {
    Map<String, String> fields = new HashMap<>();
    if (reply instanceof List<?> list) {
      for (int i = 0; i + 1 < list.size(); i += 2) {
        fields.put(text(list.get(i)), text(list.get(i + 1)));
      }
    }
    return fields;
  }
}
