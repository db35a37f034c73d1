package io.headpond.server;

import io.headpond.HeadpondException;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.util.Collection;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options that say how a server is asked: with which token, and whose certificate is trusted. */
final class ServerOptions {
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);

  /** What a header can hold. The text of a wrong one is never shown. */
  private static final Pattern TOKEN = Pattern.compile("[A-Za-z0-9._~+/=-]+");

  @Option(
      names = "--token",
      paramLabel = "TOKEN",
      description =
          "The token to ask with; better given in HEADPOND_TOKEN, since others can see command lines.")
  private @Nullable String token;

  @Option(
      names = "--ca",
      paramLabel = "FILE.pem",
      description =
          "The certificate that signed the server's, if it is none that Java knows (HEADPOND_CA).")
  private @Nullable Path ca;

  /** A client that trusts whom it may. */
  HttpClient client() {
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(CONNECT_TIMEOUT);
    Path file = ca != null ? ca : fileOf(System.getenv("HEADPOND_CA"));
    if (file != null) {
      builder.sslContext(trusting(file));
    }
    return builder.build();
  }

  /** Adds the token to a request. */
  HttpRequest.Builder authorize(HttpRequest.Builder request) {
    String sent = token != null ? token : System.getenv("HEADPOND_TOKEN");
    if (sent == null || sent.isEmpty()) {
      return request;
    }
    if (!TOKEN.matcher(sent).matches()) {
      throw new HeadpondException(
          (token != null ? "--token" : "HEADPOND_TOKEN")
              + ": has characters that no token has; give it as `headpond token new` printed it");
    }
    return request.header("Authorization", "Bearer " + sent);
  }

  private static @Nullable Path fileOf(@Nullable String name) {
    return name == null || name.isEmpty() ? null : Path.of(name);
  }

  private static SSLContext trusting(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      Collection<? extends Certificate> certificates =
          CertificateFactory.getInstance("X.509").generateCertificates(in);
      if (certificates.isEmpty()) {
        throw new CertificateException("no certificate");
      }
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      int next = 0;
      for (Certificate certificate : certificates) {
        store.setCertificateEntry("ca" + next++, certificate);
      }
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(store);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (IOException e) {
      throw new HeadpondException(
          "--ca " + file + ": cannot be read (" + DataFolder.reason(e) + ")", e);
    } catch (GeneralSecurityException e) {
      throw new HeadpondException("--ca " + file + ": is no certificate in PEM", e);
    }
  }
}
