package io.headpond.server.http;

import io.headpond.ConfigurationException;
import io.headpond.server.config.TlsConfig;
import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.Signature;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.ssl.DefaultSslBundleRegistry;
import org.springframework.boot.ssl.SslBundle;
import org.springframework.boot.ssl.SslBundles;
import org.springframework.boot.ssl.SslStoreBundle;
import org.springframework.boot.ssl.pem.PemContent;

/** Certificate and key from their files, checked before anything listens. Stateless. */
public final class Tls {
  /** The name of the one bundle. */
  static final String BUNDLE = "headpond";

  private static final Logger LOG = LoggerFactory.getLogger(Tls.class);

  private Tls() {}

  /**
   * What Tomcat needs.
   *
   * @throws ConfigurationException in one line, if a file cannot be used or the two do not belong together
   */
  public static SslBundles load(TlsConfig config) {
    List<X509Certificate> chain =
        read("certificate", config.certificate(), PemContent::getCertificates);
    if (chain == null || chain.isEmpty()) {
      throw invalid("certificate", config.certificate(), "has no certificate in PEM", null);
    }
    PrivateKey key = read("key", config.key(), PemContent::getPrivateKey);
    if (key == null) {
      throw invalid("key", config.key(), "has no private key in PEM", null);
    }
    X509Certificate own = chain.get(0);
    if (!belongs(own.getPublicKey(), key)) {
      throw invalid(
          "key",
          config.key(),
          "is not the key of the certificate in " + config.certificate(),
          null);
    }
    warnOfDates(config.certificate(), own);
    try {
      KeyStore store = KeyStore.getInstance("PKCS12");
      store.load(null, null);
      store.setKeyEntry(BUNDLE, key, new char[0], chain.toArray(X509Certificate[]::new));
      return new DefaultSslBundleRegistry(BUNDLE, SslBundle.of(SslStoreBundle.of(store, "", null)));
    } catch (GeneralSecurityException | IOException e) {
      throw invalid("certificate", config.certificate(), "cannot be used: " + e.getMessage(), e);
    }
  }

  private static <T> @Nullable T read(
      String what, Path file, Function<PemContent, @Nullable T> content) {
    try {
      return content.apply(PemContent.load(file));
    } catch (NoSuchFileException e) {
      throw invalid(what, file, "there is no such file", e);
    } catch (AccessDeniedException e) {
      throw invalid(what, file, "permission denied", e);
    } catch (IOException e) {
      throw invalid(what, file, "cannot be read: " + e.getMessage(), e);
    } catch (RuntimeException e) {
      // The parser's words may quote the file.
      throw invalid(
          what, file, "is no PEM file that can be read; a key must not have a password", e);
    }
  }

  private static boolean belongs(PublicKey publicKey, PrivateKey key) {
    String algorithm =
        switch (key.getAlgorithm()) {
          case "RSA" -> "SHA256withRSA";
          case "EC" -> "SHA256withECDSA";
          default -> key.getAlgorithm();
        };
    byte[] text = {1, 2, 3};
    try {
      Signature signature = Signature.getInstance(algorithm);
      signature.initSign(key);
      signature.update(text);
      byte[] signed = signature.sign();
      signature.initVerify(publicKey);
      signature.update(text);
      return signature.verify(signed);
    } catch (GeneralSecurityException e) {
      return false;
    }
  }

  private static void warnOfDates(Path file, X509Certificate certificate) {
    try {
      certificate.checkValidity();
    } catch (CertificateExpiredException e) {
      LOG.warn("the certificate in {} is no longer valid: {}", file, e.getMessage());
    } catch (CertificateNotYetValidException e) {
      LOG.warn("the certificate in {} is not valid yet: {}", file, e.getMessage());
    }
  }

  private static ConfigurationException invalid(
      String what, Path file, String why, @Nullable Throwable cause) {
    String message = "server.tls." + what + ": " + file + ": " + why;
    return cause == null
        ? new ConfigurationException(message)
        : new ConfigurationException(message, cause);
  }
}
