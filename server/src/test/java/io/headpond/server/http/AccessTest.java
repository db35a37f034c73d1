package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.headpond.server.config.AccessToken;
import io.headpond.server.config.TokenRole;
import io.headpond.server.http.RunningApi.Response;
import io.headpond.server.lab.Lab;
import io.headpond.server.seeds.Seeds;
import java.io.IOException;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Who may ask what, held against the table of all routes and those of the seeds. */
class AccessTest {
  /** A request, and the role that it needs; null for none. */
  private record Asked(String method, String path, @Nullable TokenRole needed) {}

  private static final List<Asked> SEEDS =
      List.of(
          new Asked("POST", "/write", TokenRole.WRITE),
          new Asked("GET", "/read/a", TokenRole.READ),
          new Asked("GET", "/stats", TokenRole.READ),
          new Asked("GET", "/health", TokenRole.READ));

  private static final Map<TokenRole, String> SECRETS = new EnumMap<>(TokenRole.class);
  private static RunningApi api;

  @BeforeAll
  static void start() {
    List<AccessToken> tokens = new ArrayList<>();
    for (TokenRole role : TokenRole.values()) {
      String secret = AccessToken.random(new SecureRandom());
      SECRETS.put(role, secret);
      tokens.add(new AccessToken("for-" + role.text(), role, AccessToken.hash(secret)));
    }
    api = new RunningApi(Access.of(tokens), null);
    List<Dataset> datasets = List.of(api.kv.dataset(), api.items.dataset());
    api.api.open(datasets, Seeds.over(datasets));
  }

  @AfterAll
  static void stop() {
    api.close();
  }

  private static String bearer(TokenRole role) {
    return "Authorization: Bearer " + SECRETS.get(role);
  }

  private static List<Asked> all() {
    List<Asked> all = new ArrayList<>(SEEDS);
    for (Route route : Routes.all(new Lab(), new Exports())) {
      String path = route.path.replace("{dataset}", "kv").replace("{key}", "a");
      all.add(new Asked(route.method, path, route.role));
    }
    return all;
  }

  @Test
  void everyRouteIsForThoseWhoseRoleIsEnough() throws IOException {
    for (Asked asked : all()) {
      Response anonymous = api.send(asked.method, asked.path, "");
      if (asked.needed == null) {
        assertThat(anonymous.status()).as(asked.toString()).isLessThan(400);
        continue;
      }
      assertThat(anonymous.status()).as(asked.toString()).isEqualTo(401);
      assertThat(anonymous.header("WWW-Authenticate")).isEqualTo("Bearer realm=\"headpond\"");
      assertThat(anonymous.body()).contains("urn:headpond:problem:unauthorized");
      for (TokenRole role : TokenRole.values()) {
        Response response = api.send(asked.method, asked.path, "", bearer(role));
        String about = asked + " by " + role + ": " + response;
        if (role.includes(asked.needed)) {
          assertThat(response.status()).as(about).isNotIn(401, 403, 500);
        } else {
          assertThat(response.status()).as(about).isEqualTo(403);
          assertThat(response.body())
              .contains("this needs " + asked.needed.text(), "the token for-" + role.text());
          assertThat(response.header("WWW-Authenticate"))
              .contains("insufficient_scope", "scope=\"" + asked.needed.text() + "\"");
        }
        assertThat(response.toString()).doesNotContain(SECRETS.get(role));
      }
    }
  }

  /** Only what tells nothing of any dataset. */
  @Test
  void noRoutesAreOpenButTheProbes() {
    assertThat(all().stream().filter(asked -> asked.needed == null).map(Asked::path))
        .containsExactlyInAnyOrder("/v1/health/live", "/v1/health/ready");
  }

  /** Whatever only looks is read; what changes anything is not. */
  @Test
  void nothingThatChangesAnythingIsForReaders() {
    for (Asked asked : all()) {
      if (!asked.method.equals("GET") && !asked.path.equals("/v1/ping")) {
        assertThat(asked.needed).as(asked.toString()).isNotNull().isNotEqualTo(TokenRole.READ);
      }
    }
  }

  @Test
  void aRouteThatDoesNotSayWhoMayAskCannotBeMade() {
    assertThatThrownBy(() -> Route.of("GET", "/x", "x", "x").serve(call -> {}))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("GET /x: must say who may ask");
    assertThatThrownBy(
            () -> Route.of("GET", "/x", "x", "x").open().role(TokenRole.READ).serve(call -> {}))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void whatIsNoTokenOfOursIsRefusedWithoutShowingIt() throws IOException {
    String right = SECRETS.get(TokenRole.ADMIN);
    for (String wrong :
        List.of(
            "Bearer " + right + "x",
            "Bearer " + right.substring(1),
            "Bearer",
            "Bearer  ",
            "Basic " + right,
            right,
            "Bearer " + AccessToken.hash(right))) {
      Response refused = api.send("GET", "/v1/datasets", "", "Authorization: " + wrong);
      assertThat(refused.status()).as(wrong).isEqualTo(401);
      assertThat(refused.header("WWW-Authenticate"))
          .isEqualTo("Bearer realm=\"headpond\", error=\"invalid_token\"");
      assertThat(refused.toString()).doesNotContain(right.substring(1));
    }
    assertThat(api.send("GET", "/v1/datasets", "", "Authorization: bEARER   " + right).status())
        .isEqualTo(200);
    assertThat(api.send("GET", "/v1/datasets?token=" + right, "").status()).isEqualTo(401);
  }

  @Test
  void whatIsNotThereIsToldToThoseWhoMayLook() throws IOException {
    for (String method : List.of("GET", "POST", "BREW", "OPTIONS")) {
      for (String path : List.of("/v1/nothing", "/v1/datasets/kv/entries/a", "/v1/datasets/no")) {
        assertThat(api.send(method, path, "").status()).as(method + path).isEqualTo(401);
      }
    }
    String reader = bearer(TokenRole.READ);
    assertThat(api.send("GET", "/v1/nothing", "", reader).status()).isEqualTo(404);
    assertThat(api.send("GET", "/v1/datasets/no", "", reader).status()).isEqualTo(404);
    assertThat(api.send("BREW", "/v1/datasets/kv", "", reader).status()).isEqualTo(405);
    assertThat(api.send("OPTIONS", "/v1/health/ready", "").status()).isEqualTo(204);
  }

  /** The reasons name tables, and quote the database. */
  @Test
  void theProbesTellReasonsOnlyToThoseWhoMayLook() throws IOException {
    try (RunningApi starting =
        new RunningApi(
            Access.of(
                List.of(
                    new AccessToken(
                        "r", TokenRole.READ, AccessToken.hash(SECRETS.get(TokenRole.READ))))),
            null)) {
      String path = "/v1/health/ready";
      assertThat(starting.send("GET", path, "").body())
          .isEqualTo("{\"ready\":false,\"reasons\":[]}");
      assertThat(starting.send("GET", path, "", bearer(TokenRole.READ)).body())
          .contains("being opened");
      assertThat(starting.send("GET", "/v1/health", "").status()).isEqualTo(401);
    }
  }

  @Test
  void theDocumentNamesTheRoleOfEachOperation() throws IOException {
    Response response = api.send("GET", "/openapi.json", "", bearer(TokenRole.READ));
    Document document = new Document(response.text());
    Map<String, Object> components = Document.map(document.root, "components");
    assertThat(Document.map(Document.map(components, "securitySchemes"), "token"))
        .containsEntry("type", "http")
        .containsEntry("scheme", "bearer");
    assertThat(response.text())
        .contains(
            "\"operationId\":\"putEntry-kv\",\"summary\":\"Writes an entry, all columns of"
                + " it\",\"tags\":[\"kv\"],\"security\":[{\"token\":[\"write\"]}]")
        .contains(
            "\"operationId\":\"live\",\"summary\":\"Whether the process"
                + " works\",\"security\":[]");
  }
}
