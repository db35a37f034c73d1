package io.headpond.server.http;

import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.apache.coyote.ActionCode;
import org.jspecify.annotations.Nullable;

/**
 * Gives what the container itself refuses (a malformed request line, headers too large) the form of a problem document.
 *
 * <p>A body that stops in the middle is refused by both: when a read fails the container takes the answer out of the servlet's hands. It is given
 * back its problem here.
 */
public final class ProblemValve extends ErrorReportValve {
  /** The attribute of a request that has the {@link Problem} with which it was answered. */
  static final String PROBLEM = "io.headpond.problem";

  private static final int FIRST_ERROR = 400;

  @Override
  protected void report(Request request, Response response, @Nullable Throwable failure) {
    int status = response.getStatus();
    if (status < FIRST_ERROR || response.getContentWritten() > 0 || !response.setErrorReported()) {
      return;
    }
    Json json;
    if (request.getAttribute(PROBLEM) instanceof Problem problem) {
      response.setStatus(problem.status());
      json = problem.json();
      if (problem.kind() == Problem.Kind.BODY_TIMEOUT) {
        // Else the connector would wait for the rest of the body as long again.
        request.getCoyoteRequest().action(ActionCode.DISABLE_SWALLOW_INPUT, null);
      }
    } else {
      json = refused(status, response.getMessage());
    }
    try {
      response.setContentType(Reply.PROBLEM);
      response.getOutputStream().write(json.toBytes());
      response.finishResponse();
    } catch (IOException | IllegalStateException e) {
      container.getLogger().debug("the client went away before it had its answer", e);
    }
  }

  private static Json refused(int status, @Nullable String message) {
    return new Json()
        .beginObject()
        .member("type", "about:blank")
        .member("title", "The request could not be read")
        .member("status", status)
        .member(
            "detail",
            message == null || status >= 500 ? "no valid HTTP request" : Problem.shown(message))
        .endObject();
  }
}
