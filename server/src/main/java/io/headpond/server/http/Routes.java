package io.headpond.server.http;

import static io.headpond.server.config.TokenRole.ADMIN;
import static io.headpond.server.config.TokenRole.READ;
import static io.headpond.server.config.TokenRole.WRITE;
import static io.headpond.server.http.Parameter.AFTER;
import static io.headpond.server.http.Parameter.CREATE;
import static io.headpond.server.http.Parameter.DURABILITY;
import static io.headpond.server.http.Parameter.IDEMPOTENCY_KEY;
import static io.headpond.server.http.Parameter.IF_MATCH;
import static io.headpond.server.http.Parameter.IF_NONE_MATCH;
import static io.headpond.server.http.Parameter.KEYS;
import static io.headpond.server.http.Parameter.LIMIT;
import static io.headpond.server.http.Parameter.MAX_ENTRIES;
import static io.headpond.server.http.Parameter.PREFIX;
import static io.headpond.server.http.Parameter.SETTLED;
import static io.headpond.server.http.Parameter.UNLESS;
import static io.headpond.server.http.Parameter.WAIT;
import static io.headpond.server.http.Problem.Kind.BAD_REQUEST;
import static io.headpond.server.http.Problem.Kind.BODY_TOO_LARGE;
import static io.headpond.server.http.Problem.Kind.INVALID_JSON;
import static io.headpond.server.http.Problem.Kind.INVALID_VALUE;
import static io.headpond.server.http.Problem.Kind.KEY_TAKEN;
import static io.headpond.server.http.Problem.Kind.NO_SUCH_ENTRY;
import static io.headpond.server.http.Problem.Kind.OVERLOADED;
import static io.headpond.server.http.Problem.Kind.PRECONDITION_FAILED;
import static io.headpond.server.http.Problem.Kind.REJECTED;
import static io.headpond.server.http.Problem.Kind.REQUEST_ID_REUSED;
import static io.headpond.server.http.Problem.Kind.REQUEST_UNDER_WAY;
import static io.headpond.server.http.Problem.Kind.UNAVAILABLE;
import static io.headpond.server.http.Problem.Kind.UNREADABLE_ROW;
import static io.headpond.server.http.Problem.Kind.UNSUPPORTED_DURABILITY;
import static io.headpond.server.http.Problem.Kind.UNSUPPORTED_MEDIA_TYPE;

import io.headpond.server.http.Route.Served;
import io.headpond.server.lab.Lab;
import java.util.ArrayList;
import java.util.List;

/** The table of all routes: the dispatch goes by it, and the OpenAPI document is made of it. */
final class Routes {
  private static final String DATASET = "/v1/datasets/{dataset}";
  private static final String ENTRIES = DATASET + "/entries";
  private static final String ENTRY = ENTRIES + "/{key}";

  private Routes() {}

  /** All of them; of those that match a path, the first of its method serves. */
  static List<Route> all(Lab lab, Exports exports) {
    List<Route> all = new ArrayList<>(entries());
    all.addAll(DeadLetterRoutes.all(exports));
    all.addAll(QueueRoutes.all(exports));
    all.addAll(ofTheServer(new LabRoutes(lab)));
    return List.copyOf(all);
  }

  private static List<Route> entries() {
    Batches batches = new Batches();
    return List.of(
        Route.of(
                "GET",
                ENTRY,
                "getEntry",
                "Reads an entry, or asks whether the database has a version of it")
            .parameters(SETTLED, WAIT, UNLESS)
            .answer(200, Shape.ENTRY, Shape.SETTLED)
            .answer(202, Shape.SETTLED)
            .answer(304, Shape.NOTHING)
            .problems(BAD_REQUEST, NO_SUCH_ENTRY, REJECTED, UNREADABLE_ROW, INVALID_VALUE)
            .problems(UNAVAILABLE)
            .role(READ)
            .serve(EntryReads::get),
        write(Route.of("PUT", ENTRY, "putEntry", "Writes an entry, all columns of it"))
            .parameters(DURABILITY, IF_MATCH, IF_NONE_MATCH)
            .body(Shape.ROW)
            .answer(200, Shape.WRITTEN)
            .answer(202, Shape.WRITTEN)
            .problems(INVALID_JSON, REJECTED, PRECONDITION_FAILED, BODY_TOO_LARGE)
            .problems(UNSUPPORTED_MEDIA_TYPE)
            .role(WRITE)
            .serve(EntryWrites::put),
        write(
                Route.of(
                    "DELETE", ENTRY, "removeEntry", "Removes an entry, whether it is there or not"))
            .parameters(DURABILITY, IF_MATCH, IF_NONE_MATCH)
            .answer(200, Shape.WRITTEN)
            .answer(202, Shape.WRITTEN)
            .problems(REJECTED, PRECONDITION_FAILED)
            .role(WRITE)
            .serve(EntryWrites::remove),
        write(
                Route.of(
                    "PATCH",
                    ENTRY,
                    "patchEntry",
                    "Changes some columns of an entry (RFC 7396), in one step"))
            .parameters(DURABILITY, CREATE, IF_MATCH, IF_NONE_MATCH, IDEMPOTENCY_KEY)
            .body(Shape.PATCH)
            .answer(200, Shape.CHANGED)
            .answer(202, Shape.CHANGED)
            .problems(INVALID_JSON, NO_SUCH_ENTRY, REJECTED, REQUEST_UNDER_WAY)
            .problems(PRECONDITION_FAILED, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE)
            .problems(REQUEST_ID_REUSED)
            .role(WRITE)
            .serve(EntryWrites::patch),
        write(
                Route.of(
                    "POST",
                    ENTRY + ":increment",
                    "incrementEntry",
                    "Adds to numbers of an entry, in one step"))
            .parameters(DURABILITY, CREATE, IF_MATCH, IF_NONE_MATCH, IDEMPOTENCY_KEY)
            .body(Shape.INCREMENT)
            .answer(200, Shape.CHANGED)
            .answer(202, Shape.CHANGED)
            .problems(INVALID_JSON, NO_SUCH_ENTRY, REJECTED, REQUEST_UNDER_WAY)
            .problems(PRECONDITION_FAILED, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE)
            .problems(REQUEST_ID_REUSED)
            .role(WRITE)
            .serve(EntryWrites::increment),
        Route.of(
                "POST",
                ENTRY + ":invalidate",
                "invalidateEntry",
                "Forgets what is cached of an entry: another program has written its row")
            .answer(200, Shape.INVALIDATED)
            .problems(BAD_REQUEST, INVALID_VALUE)
            .role(WRITE)
            .serve(EntryWrites::invalidate),
        Route.of(
                "GET",
                ENTRIES,
                "getEntries",
                "Reads several entries, also those that are not there")
            .parameters(KEYS)
            .answer(200, Shape.ENTRIES)
            .problems(BAD_REQUEST, UNREADABLE_ROW, INVALID_VALUE, UNAVAILABLE)
            .role(READ)
            .serve(EntryReads::getAll),
        write(
                Route.of(
                    "POST",
                    ENTRIES,
                    "createEntry",
                    "Writes a new entry under a key that the server makes"))
            .parameters(DURABILITY, IDEMPOTENCY_KEY)
            .body(Shape.ROW)
            .answer(201, Shape.CHANGED)
            .problems(INVALID_JSON, REJECTED, KEY_TAKEN, REQUEST_UNDER_WAY, BODY_TOO_LARGE)
            .problems(UNSUPPORTED_MEDIA_TYPE, REQUEST_ID_REUSED)
            .role(WRITE)
            .serve(EntryWrites::create),
        Route.of(
                "POST",
                ENTRIES + ":batch",
                "writeBatch",
                "Carries out many writes, one in each line, and answers each with a line")
            .served(Served.UNTIL_STOP)
            .parameters(DURABILITY)
            .body(Shape.BATCH_LINE)
            .answer(200, Shape.BATCH_ANSWER)
            .problems(BAD_REQUEST, UNSUPPORTED_MEDIA_TYPE, OVERLOADED)
            .role(WRITE)
            .serve(batches::serve),
        Route.of(
                "GET",
                DATASET + "/pending",
                "listPending",
                "What the database does not have yet, ordered by the text of the key")
            .parameters(PREFIX, AFTER, LIMIT)
            .answer(200, Shape.PENDING)
            .problems(BAD_REQUEST)
            .role(READ)
            .serve(DatasetRoutes::pending),
        Route.of("POST", DATASET + "/flush", "flush", "Brings what is pending to the database now")
            .parameters(MAX_ENTRIES)
            .answer(200, Shape.FLUSHED)
            .problems(BAD_REQUEST)
            .role(ADMIN)
            .serve(DatasetRoutes::flush),
        Route.of(
                "GET", DATASET, "getDataset", "Health, settings, columns and counters of a dataset")
            .answer(200, Shape.DATASET)
            .problems(BAD_REQUEST)
            .role(READ)
            .serve(DatasetRoutes::status),
        Route.of("GET", "/v1/datasets", "listDatasets", "All datasets, in short")
            .answer(200, Shape.DATASETS)
            .problems(BAD_REQUEST)
            .role(READ)
            .serve(DatasetRoutes::list));
  }

  private static List<Route> ofTheServer(LabRoutes lab) {
    return List.of(
        Route.of("GET", "/v1/ping", "ping", "Does nothing; to measure against")
            .served(Served.EARLY)
            .answer(200, Shape.PONG)
            .problems(BAD_REQUEST)
            .role(READ)
            .serve(Routes::ping),
        Route.of(
                "PUT",
                "/v1/ping",
                "pingWithBody",
                "Reads a body and forgets it; to measure against")
            .served(Served.EARLY)
            .answer(200, Shape.PONG)
            .problems(BAD_REQUEST, BODY_TOO_LARGE)
            .role(READ)
            .serve(
                call -> {
                  Body.read(call.request());
                  ping(call);
                }),
        health("/v1/health").role(READ).serve(HealthRoute::serve),
        Route.of("GET", "/v1/workers", "listWorkers", "Who brings which partitions to the database")
            .answer(200, Shape.WORKERS)
            .problems(BAD_REQUEST)
            .role(READ)
            .serve(WorkersRoute::serve),
        Route.of("GET", "/v1/health/live", "live", "Whether the process works")
            .served(Served.EARLY)
            .answer(200, Shape.LIVE)
            .problems(BAD_REQUEST)
            .open()
            .serve(HealthRoute::live),
        Route.of("GET", "/v1/health/ready", "ready", "Whether the server takes requests")
            .served(Served.EARLY)
            .answer(200, Shape.READY)
            .answer(503, Shape.READY)
            .problems(BAD_REQUEST)
            .open()
            .serve(HealthRoute::ready),
        Route.of("GET", "/admin/lab", "getLab", "Which failures the lab simulates")
            .answer(200, Shape.LAB)
            .problems(BAD_REQUEST)
            .role(READ)
            .serve(lab::get),
        Route.of("PUT", "/admin/lab", "changeLab", "Simulates failures, or ends that")
            .body(Shape.LAB_CHANGE)
            .answer(200, Shape.LAB)
            .problems(BAD_REQUEST, INVALID_JSON, BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE)
            .role(ADMIN)
            .serve(lab::put),
        // Not in the document: the routes of a seed may take its place.
        health("/health").undocumented().role(READ).serve(HealthRoute::serve),
        Route.of("GET", "/openapi.json", "openApi", "This document")
            .answer(200, Shape.OPENAPI)
            .problems(BAD_REQUEST)
            .role(READ)
            .serve(OpenApi::serve));
  }

  /** What all writes of one entry have. */
  private static Route.Builder write(Route.Builder route) {
    return route
        .served(Served.UNTIL_STOP)
        .problems(BAD_REQUEST, UNSUPPORTED_DURABILITY, UNREADABLE_ROW, INVALID_VALUE)
        .problems(OVERLOADED, UNAVAILABLE);
  }

  private static Route.Builder health(String path) {
    return Route.of("GET", path, "health", "The worst health of all datasets, with the reasons")
        .served(Served.EARLY)
        .answer(200, Shape.HEALTH)
        .answer(503, Shape.HEALTH)
        .problems(BAD_REQUEST);
  }

  private static void ping(Call call) {
    call.reply()
        .send(new Reply.Answer(200, new Json().beginObject().member("pong", true).endObject()));
  }
}
