package io.headpond.server.http;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.jspecify.annotations.Nullable;

/** Gives what the container itself refuses (a malformed request line, headers too large) the form of a problem document. */
public final class ProblemValve extends ErrorReportValve {
  private static final int FIRST_ERROR = 400;

  @Override
  protected void report(Request request, Response response, @Nullable Throwable failure) {
    int status = response.getStatus();
    if (status < FIRST_ERROR || response.getContentWritten() > 0 || !response.setErrorReported()) {
      return;
    }
    String message = response.getMessage();
    Json json =
        new Json()
            .beginObject()
            .member("type", "about:blank")
            .member("title", "The request could not be read")
            .member("status", status)
            .member(
                "detail",
                message == null || status >= 500 ? "no valid HTTP request" : Problem.shown(message))
            .endObject();
    try {
      response.setContentType("application/problem+json");
      response.getOutputStream().write(json.toString().getBytes(StandardCharsets.UTF_8));
      response.finishResponse();
    } catch (IOException | IllegalStateException e) {
      container.getLogger().debug("the client went away before it had its answer", e);
    }
  }
}
