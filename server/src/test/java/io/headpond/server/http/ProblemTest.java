package io.headpond.server.http;

import static org.assertj.core.api.Assertions.assertThat;

import io.headpond.Durability;
import io.headpond.HeadpondException;
import io.headpond.InvalidValueException;
import io.headpond.OutcomeUnknownException;
import io.headpond.OverloadedException;
import io.headpond.RejectedException;
import io.headpond.UnavailableException;
import io.headpond.UnsupportedDurabilityException;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Test;

class ProblemTest {
  @Test
  void eachFailureHasItsStatus() {
    Map<HeadpondException, Integer> statuses =
        Map.of(
            new InvalidValueException("price", "x", "must be a number"), 422,
            new UnsupportedDurabilityException(Durability.REPLICAS, "none"), 400,
            new OverloadedException("full", Duration.ofMillis(1_200)), 503,
            new UnavailableException("closed"), 503,
            new OutcomeUnknownException("lost"), 504,
            new RejectedException("violates check constraint \"positive\""), 409);
    statuses.forEach(
        (failure, status) -> {
          Problem problem = Problem.of(new CompletionException(failure));
          assertThat(problem.status()).as(failure.toString()).isEqualTo(status);
          assertThat(problem.json().toString())
              .contains(new Json().string(failure.getMessage()).toString());
        });
    assertThat(Problem.of(new IllegalStateException("secret")).json().toString())
        .contains("\"status\":500")
        .doesNotContain("secret");
  }

  @Test
  void aWaitIsRoundedUp() {
    assertThat(Problem.of(new OverloadedException("full", Duration.ofMillis(1_200))))
        .extracting(Problem::retryAfterSeconds)
        .isEqualTo(2L);
    assertThat(Problem.of(new OverloadedException("full", Duration.ZERO)))
        .extracting(Problem::retryAfterSeconds)
        .isEqualTo(1L);
  }
}
