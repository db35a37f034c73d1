package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.server.http.RunningApi.Response;
import io.headpond.server.lab.Lab;
import io.headpond.server.lab.LabSettings;
import java.io.IOException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code /admin/lab}, and that nobody can forget what it simulates. */
class LabTest {
  private static final String JSON = "Content-Type: application/json";

  private final Lab lab = new Lab();
  private RunningApi api;

  @BeforeEach
  void start() {
    api =
        new RunningApi(
                lab,
                new TestDataset("kv", RunningApi.KV, settings -> settings.maxRetries(0), lab),
                new TestDataset("items", RunningApi.ITEMS, settings -> settings, lab))
            .opened();
  }

  @AfterEach
  void stop() {
    lab.change(LabSettings.OFF);
    api.close();
  }

  @Test
  void whatIsNotNamedStaysAsItIs() throws IOException {
    assertThat(api.send("GET", "/admin/lab", "").body())
        .isEqualTo(
            "{\"simulateFailures\":false,\"failureRate\":0.5,\"outage\":false,\"reasons\":[]}");
    put("{\"failureRate\": 1e-1}");
    put("{\"outage\": true}");
    put("{\"simulateFailures\": true}");
    assertThat(lab.settings()).isEqualTo(new LabSettings(true, 0.1, true));
    assertThat(put("{\"outage\": false}").body())
        .startsWith("{\"simulateFailures\":true,\"failureRate\":0.1,\"outage\":false,")
        .contains("the lab simulates failures");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          {"failureRate": 1.1}          | "field":"failureRate","value":"1.1","rule":"must be a number from 0 to 1"
          {"failureRate": -0.1}         | must be a number from 0 to 1
          {"failureRate": "0.5"}        | must be a number from 0 to 1
          {"failureRate": 1e999999999}  | must be a number from 0 to 1
          {"failureRate": null}         | must be a number from 0 to 1
          {"outage": 1}                 | "field":"outage","value":"1","rule":"must be true or false"
          {"simulateFailures": "true"}  | must be true or false
          {"outage": true, "outage": false} | must stand only once
          {"failures": true}            | known here are failureRate, outage, simulateFailures
          [true]                        | must be a JSON object
          {"outage": tru}               | not valid JSON
          """)
  void aBadValueIsNamedAndChangesNothing(String body, String contains) throws IOException {
    Response response = put(body);
    assertThat(response.status()).as(response.body()).isEqualTo(400);
    assertThat(response.body()).contains(contains);
    assertThat(lab.settings()).isEqualTo(LabSettings.OFF);
  }

  @Test
  void healthStatusAndReadinessShowIt() throws IOException {
    put("{\"simulateFailures\": true, \"outage\": true}");
    for (String path : new String[] {"/v1/health", "/v1/datasets/kv", "/v1/datasets/items"}) {
      Response response = api.send("GET", path, "");
      assertThat(response.status()).isEqualTo(200);
      assertThat(response.body())
          .contains("DEGRADED", "the lab simulates failures", "the lab simulates an outage");
    }
    Response ready = api.send("GET", "/v1/health/ready", "");
    assertThat(ready.status()).isEqualTo(200);
    assertThat(ready.body()).startsWith("{\"ready\":true,").contains("the lab simulates");
    put("{\"simulateFailures\": false, \"outage\": false}");
    assertThat(api.send("GET", "/v1/health", "").body()).startsWith("{\"status\":\"UP\"");
  }

  /** The lab lies between the engine and the database, so all that a real refusal does happens. */
  @Test
  void aRowThatIsHitIsRefusedAndAnOutageParksNothing() throws IOException {
    put("{\"outage\": true}");
    assertThat(api.send("PUT", "/v1/datasets/kv/entries/a", "{\"value\": \"1\"}", JSON).status())
        .isEqualTo(202);
    assertThat(api.send("POST", "/v1/datasets/kv/flush", "").body())
        .contains("\"remaining\":1", "simulated outage");
    put("{\"outage\": false, \"simulateFailures\": true, \"failureRate\": 1}");
    assertThat(api.send("POST", "/v1/datasets/kv/flush", "").body()).contains("\"rejected\":1");
    assertThat(api.send("GET", "/v1/datasets/kv/pending", "").body())
        .contains("\"state\":\"parked\"", "simulated failure");
    int rows = api.kv.askDatabase(db -> db.rows().size());
    assertThat(rows).isZero();
  }

  private Response put(String body) throws IOException {
    return api.send("PUT", "/admin/lab", body, JSON);
  }
}
