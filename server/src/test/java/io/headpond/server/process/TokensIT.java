package io.headpond.server.process;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.postgres.testing.TestPostgres;
import io.headpond.server.config.AccessToken;
import io.headpond.server.config.TlsConfig;
import io.headpond.server.config.TokenRole;
import io.headpond.server.http.Certificates;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tokens over TLS from the file to the command. */
class TokensIT {
  @TempDir private Path folder;

  private final String reader = AccessToken.random(new SecureRandom());
  private final String admin = AccessToken.random(new SecureRandom());
  private final List<String> asked = new ArrayList<>();

  @Test
  void whoHasATokenMayDoWhatItsRoleAllows() throws Exception {
    String url = TestPostgres.createDatabase().jdbcUrl();
    Table.create(url, "kv");
    TlsConfig tls = Certificates.make(folder, "server", "EC");
    Path yaml =
        Files.writeString(
            folder.resolve("headpond.yaml"),
            "server:\n  host: 0.0.0.0\n  tls: {certificate: "
                + tls.certificate()
                + ", key: "
                + tls.key()
                + "}\ntokens:\n"
                + line("looks", TokenRole.READ, reader)
                + line("decides", TokenRole.ADMIN, admin)
                + Table.yaml("linger: 1h", "kv"));
    try (ServerProcess server =
        ServerProcess.serve(
            folder.resolve("data"),
            "--host",
            "127.0.0.1",
            "--config",
            yaml.toString(),
            "--database-url",
            Table.url(url))) {
      String at = "https://127.0.0.1:" + server.port();
      String ca = tls.certificate().toString();
      assertThat(run(Map.of(), "status", "--server", at).err())
          .contains("its certificate is not trusted");
      assertThat(run(Map.of(), "status", "--server", at, "--ca", ca).err())
          .contains("answered 401: a token is needed", "--token or HEADPOND_TOKEN");
      Map<String, String> looks = Map.of("HEADPOND_TOKEN", reader, "HEADPOND_CA", ca);
      assertThat(run(looks, "status", "--server", at).out()).contains("\"name\" : \"kv\"");
      assertThat(run(looks, "flush", "--server", at).err())
          .contains("answered 403: the token looks has the role read; this needs admin");
      assertThat(run(Map.of("HEADPOND_CA", ca), "flush", "--server", at, "--token", admin).out())
          .contains("\"remaining\" : 0");
      assertThat(run(looks, "status", "--server", at.replace("https", "http")).err())
          .contains("it speaks TLS; use https://");
      assertThat(server.terminate().exit()).isZero();
      asked.add(server.out() + server.err());
    }
    assertThat(String.join("", asked)).doesNotContain(reader, admin);
  }

  private static String line(String name, TokenRole role, String token) {
    return "  - {name: "
        + name
        + ", role: "
        + role.text()
        + ", hash: '"
        + AccessToken.hash(token)
        + "'}\n";
  }

  private ServerProcess.Ended run(Map<String, String> environment, String... args)
      throws Exception {
    try (ServerProcess process = ServerProcess.start(List.of(), environment, List.of(args))) {
      ServerProcess.Ended ended = process.waitForEnd();
      asked.add(ended.out() + ended.err());
      return ended;
    }
  }
}
