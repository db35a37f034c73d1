package io.headpond.server.http;

import jakarta.servlet.Servlet;
import java.nio.charset.StandardCharsets;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.core.StandardHost;
import org.apache.coyote.http11.AbstractHttp11Protocol;
import org.apache.tomcat.util.buf.EncodedSolidusHandling;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.Ssl;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Tomcat with one servlet. There is no auto-configuration: what is not said here is not there. */
@Configuration(proxyBeanMethods = false)
class HttpConfiguration {
  private static final int KEEP_ALIVE_MILLIS = 60_000;
  private static final int MAX_THREADS = 64;
  private static final int BACKLOG = 1_024;

  /** Request line and headers: several hundred keys in a query. A request under way holds a buffer of that size. */
  private static final int MAX_HEAD_BYTES = 32 << 10;

  @Bean
  TomcatServletWebServerFactory webServerFactory(HttpServer.Address address) {
    TomcatServletWebServerFactory factory = new TomcatServletWebServerFactory("", address.port());
    factory.setAddress(address.host());
    if (address.tls() != null) {
      factory.setSsl(Ssl.forBundle(Tls.BUNDLE));
      factory.setSslBundles(address.tls());
    }
    factory.setRegisterDefaultServlet(false);
    factory.addConnectorCustomizers(connector -> customize(connector, address));
    factory.addContextCustomizers(
        context -> {
          if (context.getParent() instanceof StandardHost host) {
            host.setErrorReportValveClass(ProblemValve.class.getName());
          }
        });
    return factory;
  }

  @Bean
  ServletRegistrationBean<Servlet> api(ApiServlet api) {
    ServletRegistrationBean<Servlet> registration = new ServletRegistrationBean<>(api, "/*");
    registration.setName("api");
    registration.setAsyncSupported(true);
    registration.setLoadOnStartup(1);
    return registration;
  }

  private static void customize(Connector connector, HttpServer.Address address) {
    // Keys are taken from the raw path; what Tomcat makes of it only has to reach the servlet.
    connector.setEncodedSolidusHandling(EncodedSolidusHandling.PASS_THROUGH.getValue());
    connector.setEncodedReverseSolidusHandling(EncodedSolidusHandling.PASS_THROUGH.getValue());
    connector.setURIEncoding(StandardCharsets.ISO_8859_1.name());
    connector.setXpoweredBy(false);
    if (connector.getProtocolHandler() instanceof AbstractHttp11Protocol<?> http) {
      http.setMaxKeepAliveRequests(-1);
      http.setConnectionTimeout((int) address.bodyTimeout().toMillis());
      http.setKeepAliveTimeout(KEEP_ALIVE_MILLIS);
      http.setMaxThreads(MAX_THREADS);
      http.setMaxHttpRequestHeaderSize(MAX_HEAD_BYTES);
      http.setAcceptCount(BACKLOG);
    }
  }
}
