package io.headpond.server.http;

import java.net.InetAddress;
import java.time.Duration;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.Banner;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.ssl.SslBundles;
import org.springframework.boot.web.server.WebServerException;
import org.springframework.boot.web.server.context.WebServerApplicationContext;
import org.springframework.context.ApplicationContextException;
import org.springframework.context.ConfigurableApplicationContext;

/** The running web server. Thread-safe. */
public final class HttpServer implements AutoCloseable {
  /** Where to listen. */
  record Address(InetAddress host, int port, Duration bodyTimeout, @Nullable SslBundles tls) {}

  /** How long a client may send nothing of a request that it has begun. */
  static final Duration BODY_TIMEOUT = Duration.ofSeconds(20);

  /** Another program listens there. */
  public static final class PortTakenException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    PortTakenException(Throwable cause) {
      super(cause.getMessage(), cause);
    }
  }

  private final ApiServlet api;
  private final ConfigurableApplicationContext context;

  private HttpServer(ApiServlet api, ConfigurableApplicationContext context) {
    this.api = api;
    this.context = context;
  }

  /**
   * Starts to listen.
   *
   * @param port 0 for any free one
   * @param tls from {@link Tls#load}; null for plain HTTP
   * @throws PortTakenException if the port cannot be had
   */
  public static HttpServer start(
      InetAddress host, int port, @Nullable SslBundles tls, ApiServlet api) {
    return start(new Address(host, port, BODY_TIMEOUT, tls), api);
  }

  /** As {@link #start(InetAddress, int, SslBundles, ApiServlet)}, with another patience. */
  static HttpServer start(Address address, ApiServlet api) {
    SpringApplication application = new SpringApplication(HttpConfiguration.class);
    application.setWebApplicationType(WebApplicationType.SERVLET);
    application.setBannerMode(Banner.Mode.OFF);
    application.setLogStartupInfo(false);
    application.setRegisterShutdownHook(false);
    application.addInitializers(
        context -> {
          context.getBeanFactory().registerSingleton("address", address);
          context.getBeanFactory().registerSingleton("apiServlet", api);
        });
    // Files in the working directory are not ours to read.
    try {
      return new HttpServer(
          api, application.run("--spring.config.location=optional:classpath:/none/"));
    } catch (WebServerException e) {
      throw new PortTakenException(e);
    } catch (ApplicationContextException e) {
      if (e.getCause() instanceof WebServerException) {
        throw new PortTakenException(e.getCause());
      }
      throw e;
    }
  }

  /** The port it listens on. */
  public int port() {
    return Objects.requireNonNull(((WebServerApplicationContext) context).getWebServer()).getPort();
  }

  /** Stops to listen; what is under way is cut off, an export with a last line that says so. Idempotent. */
  @Override
  public void close() {
    api.cutExports();
    context.close();
  }
}
