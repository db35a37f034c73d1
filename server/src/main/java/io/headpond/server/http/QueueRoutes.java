package io.headpond.server.http;

import static io.headpond.server.http.Problem.Kind.BAD_REQUEST;
import static io.headpond.server.http.Problem.Kind.INVALID_JSON;
import static io.headpond.server.http.Problem.Kind.OVERLOADED;
import static io.headpond.server.http.Problem.Kind.UNSUPPORTED_MEDIA_TYPE;

import io.headpond.server.config.TokenRole;
import io.headpond.server.http.Reply.Answer;
import io.headpond.server.http.Route.Served;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Semaphore;

/** The routes of the queue by hand: copied, given up, put back. Thread-safe. */
final class QueueRoutes {
  private static final String QUEUE = "/v1/datasets/{dataset}/queue";
  private static final int OK = 200;
  private static final int RESTORES_AT_ONCE = 4;

  private final Exports exports;
  private final Semaphore restores = new Semaphore(RESTORES_AT_ONCE);

  private QueueRoutes(Exports exports) {
    this.exports = exports;
  }

  /** All of them. */
  static List<Route> all(Exports exports) {
    QueueRoutes queue = new QueueRoutes(exports);
    return List.of(
        Route.of("GET", QUEUE + ":backup", "backUpQueue", "What is pending and parked, as lines")
            .answer(OK, Shape.QUEUE_LINE)
            .problems(BAD_REQUEST, OVERLOADED)
            .role(TokenRole.ADMIN)
            .serve(queue::backup),
        Route.of(
                "POST",
                QUEUE + ":purge",
                "purgeQueue",
                "Gives up what is pending and parked, after it was written to a file")
            .served(Served.UNTIL_STOP)
            .parameters(Parameter.REASON, Parameter.OPERATOR)
            .answer(OK, Shape.PURGED)
            .problems(BAD_REQUEST, OVERLOADED)
            .role(TokenRole.ADMIN)
            .serve(queue::purge),
        Route.of(
                "POST",
                QUEUE + ":restore",
                "restoreQueue",
                "Puts entries of a backup back, where nothing newer is there")
            .served(Served.UNTIL_STOP)
            .body(Shape.QUEUE_LINE)
            .answer(OK, Shape.RESTORED)
            .problems(BAD_REQUEST, INVALID_JSON, OVERLOADED, UNSUPPORTED_MEDIA_TYPE)
            .role(TokenRole.ADMIN)
            .serve(queue::restore));
  }

  private void backup(Call call) {
    exports.serve(call, closed -> new QueueLines.Backup(call.dataset(), call.patience(), closed));
  }

  private void purge(Call call) {
    String reason = DeadLetterRoutes.said(call, Parameter.REASON, "must say why it is given up");
    String operator = DeadLetterRoutes.said(call, Parameter.OPERATOR, "must say who gives it up");
    Body.none(call.request());
    Json said = new Json().member("operator", operator).member("reason", reason);
    String token = call.caller();
    if (token != null) {
      said.member("token", token);
    }
    Dataset dataset = call.dataset();
    exports.serve(
        call,
        closed ->
            new QueueLines.Purge(
                dataset,
                call.patience(),
                closed,
                new QueueFile(dataset, dataset.folder(), said.toString())));
  }

  private void restore(Call call) {
    if (!restores.tryAcquire()) {
      throw Problem.later(
          OVERLOADED, RESTORES_AT_ONCE + " parts of backups are being put back already", 1);
    }
    try {
      LineReader in =
          new LineReader(
              Body.lines(call.request()), Body.MAX_BYTES, call.request().getContentLengthLong());
      call.reply().send(new Answer(OK, new Restore(call.dataset(), in).run()));
    } catch (IOException e) {
      throw Body.cut(e);
    } finally {
      restores.release();
    }
  }
}
