package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.ConfigurationException;
import io.headpond.server.config.TlsConfig;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Certificate and key from files. */
class TlsTest {
  @TempDir private Path folder;

  @Test
  void requestsAreServedOverTls() throws Exception {
    for (String algorithm : new String[] {"RSA", "EC", "Ed25519"}) {
      TlsConfig config = Certificates.make(folder, algorithm, algorithm);
      try (RunningApi api = new RunningApi(Access.ANONYMOUS, Tls.load(config)).opened()) {
        HttpClient client = HttpClient.newBuilder().sslContext(trusting(config)).build();
        URI uri = URI.create("https://127.0.0.1:" + api.port() + "/v1/datasets/kv/entries/a");
        HttpResponse<String> put =
            client.send(
                HttpRequest.newBuilder(uri)
                    .PUT(HttpRequest.BodyPublishers.ofString("{\"value\": \"v\"}"))
                    .build(),
                HttpResponse.BodyHandlers.ofString());
        assertThat(put.statusCode()).as(algorithm).isEqualTo(202);
        assertThat(put.sslSession().orElseThrow().getProtocol()).isIn("TLSv1.3", "TLSv1.2");
        assertThat(api.send("GET", "/v1/health/live", "").toString()).contains("requires TLS");
      }
    }
  }

  private static SSLContext trusting(TlsConfig config) throws Exception {
    KeyStore store = KeyStore.getInstance("PKCS12");
    store.load(null, null);
    try (InputStream in = Files.newInputStream(config.certificate())) {
      store.setCertificateEntry(
          "ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }

  @Test
  void aFileThatCannotBeUsedIsNamed() throws Exception {
    TlsConfig one = Certificates.make(folder, "one", "EC");
    TlsConfig other = Certificates.make(folder, "other", "EC");
    TlsConfig rsa = Certificates.make(folder, "rsa", "RSA");
    Path junk = Files.writeString(folder.resolve("junk"), "-----BEGIN CERTIFICATE-----\nsecret\n");
    Path missing = folder.resolve("missing.crt");
    refused(missing, one.key(), "server.tls.certificate: " + missing + ": there is no such file");
    refused(one.certificate(), missing, "server.tls.key: " + missing + ": there is no such file");
    refused(junk, one.key(), "server.tls.certificate: " + junk + ": ");
    refused(one.certificate(), junk, "server.tls.key: " + junk + ": ");
    refused(one.key(), one.key(), "server.tls.certificate: " + one.key() + ": ");
    refused(one.certificate(), one.certificate(), "server.tls.key: " + one.certificate() + ": ");
    refused(one.certificate(), other.key(), "is not the key of the certificate in");
    refused(one.certificate(), rsa.key(), "is not the key of the certificate in");
    refused(folder, one.key(), "server.tls.certificate: " + folder + ": cannot be read");
  }

  private static void refused(Path certificate, Path key, String message) {
    assertThatThrownBy(() -> Tls.load(new TlsConfig(certificate, key)))
        .isInstanceOf(ConfigurationException.class)
        .hasMessageContaining(message)
        .hasMessageNotContaining("secret")
        .hasMessageNotContaining("\n");
  }
}
