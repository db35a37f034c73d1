package io.headpond.server.http;

import io.headpond.Column;
import io.headpond.server.config.TokenRole;
import io.headpond.server.http.Reply.Answer;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The OpenAPI 3.1 document of a server: the table of routes, with the paths and columns of its datasets. Stateless.
 */
final class OpenApi {
  private static final int OK = 200;
  private static final String SCHEMAS = "#/components/schemas/";

  private OpenApi() {}

  /** {@code GET /openapi.json}. */
  static void serve(Call call) {
    call.reply()
        .send(
            new Answer(
                OK,
                document(
                    call.routes(), Objects.requireNonNull(call.datasets()), call.access().asks())));
  }

  static Json document(List<Route> routes, Collection<Dataset> datasets, boolean tokens) {
    Json json =
        new Json()
            .beginObject()
            .member("openapi", "3.1.0")
            .name("info")
            .beginObject()
            .member("title", "Headpond")
            .member("version", "v1")
            .member("description", "A write-behind cache in front of the tables of a database")
            .endObject()
            .name("paths")
            .beginObject();
    Map<String, List<Route>> byPath =
        routes.stream()
            .filter(route -> route.documented)
            .collect(
                Collectors.groupingBy(
                    route -> route.path, LinkedHashMap::new, Collectors.toList()));
    byPath.forEach(
        (path, ofPath) -> {
          if (ofPath.get(0).hasDataset()) {
            datasets.forEach(dataset -> path(json, ofPath, dataset, tokens));
          } else {
            path(json, ofPath, null, tokens);
          }
        });
    json.endObject().name("components").beginObject().name("schemas").beginObject();
    schemas(json, datasets);
    json.endObject();
    if (tokens) {
      json.name("securitySchemes")
          .raw(
              "{\"token\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"What `headpond token"
                  + " new` has printed. read includes nothing else, write includes read, admin"
                  + " includes both.\"}}");
    }
    return json.endObject().endObject();
  }

  private static void path(
      Json json, List<Route> routes, @Nullable Dataset dataset, boolean tokens) {
    json.name(pathOf(routes.get(0), dataset)).beginObject();
    if (dataset != null && routes.get(0).hasKey()) {
      json.name("parameters").beginArray();
      dataset.cache().rowType().keyColumns().forEach(column -> keyColumn(json, column));
      json.endArray();
    }
    routes.forEach(route -> operation(json, route, dataset, tokens));
    json.endObject();
  }

  /** The path with the name of the dataset and the columns of its key. */
  private static String pathOf(Route route, @Nullable Dataset dataset) {
    if (dataset == null) {
      return route.path;
    }
    String key =
        dataset.cache().rowType().keyColumns().stream()
            .map(column -> "{" + column.name() + "}")
            .collect(Collectors.joining(","));
    return route.path.replace("{dataset}", RawUri.encode(dataset.name())).replace("{key}", key);
  }

  private static void keyColumn(Json json, Column column) {
    json.beginObject()
        .member("name", column.name())
        .member("in", "path")
        .member("required", true)
        .name("schema");
    ColumnSchema.write(json, column.type(), false);
    json.endObject();
  }

  private static void operation(Json json, Route route, @Nullable Dataset dataset, boolean tokens) {
    String name = dataset == null ? "" : dataset.name();
    json.name(route.method.toLowerCase(java.util.Locale.ROOT))
        .beginObject()
        .member("operationId", dataset == null ? route.name : route.name + "-" + name)
        .member("summary", route.summary);
    if (dataset != null) {
      json.name("tags").beginArray().string(name).endArray();
    }
    if (tokens) {
      // The role, as OpenAPI 3.1 lets one name it for any scheme.
      TokenRole role = route.role;
      json.name("security").raw(role == null ? "[]" : "[{\"token\":[\"" + role.text() + "\"]}]");
    }
    if (!route.parameters.isEmpty()) {
      json.name("parameters").beginArray();
      route.parameters.forEach(parameter -> parameter(json, parameter));
      json.endArray();
    }
    if (route.body != null) {
      json.name("requestBody")
          .beginObject()
          .member("required", route.bodyRequired)
          .name("content")
          .beginObject();
      for (String type : mediaTypes(route.body)) {
        content(json, type, List.of(route.body), name);
      }
      json.endObject().endObject();
    }
    responses(json.name("responses").beginObject(), route, name);
    json.endObject().endObject();
  }

  private static List<String> mediaTypes(Shape body) {
    return switch (body) {
      case PATCH -> Body.MERGE_PATCH;
      case BATCH_LINE, BATCH_ANSWER, EXPORTED_LETTER, QUEUE_LINE, PURGED ->
          Body.LINES.subList(0, 1);
      default -> Body.JSON;
    };
  }

  private static void parameter(Json json, Parameter parameter) {
    json.beginObject()
        .member("name", parameter.name())
        .member("in", parameter.header() ? "header" : "query")
        .member("description", parameter.description())
        .member("required", parameter.required())
        .name("schema")
        .raw(
            parameter.repeatable()
                ? "{\"type\":\"array\",\"minItems\":1,\"items\":" + parameter.schema() + "}"
                : parameter.schema())
        .endObject();
  }

  private static void responses(Json json, Route route, String dataset) {
    route.answers.forEach(
        (status, shapes) -> {
          json.name(status.toString())
              .beginObject()
              .member("description", status == 304 ? "As the client has it" : "Carried out");
          if (shapes.get(0) != Shape.NOTHING) {
            json.name("content").beginObject();
            mediaTypes(shapes.get(0)).forEach(type -> content(json, type, shapes, dataset));
            json.endObject();
          }
          json.endObject();
        });
    Map<Integer, String> problems = new TreeMap<>();
    route.problems.forEach(
        kind -> problems.merge(kind.status(), kind.title(), (one, other) -> one + ". " + other));
    problems.forEach((status, titles) -> problem(json.name(status.toString()), titles, dataset));
    problem(json.name("default"), "Any other problem", dataset);
  }

  private static void problem(Json json, String description, String dataset) {
    json.beginObject().member("description", description).name("content").beginObject();
    content(json, Reply.PROBLEM, List.of(Shape.PROBLEM), dataset);
    json.endObject().endObject();
  }

  private static void content(Json json, String type, List<Shape> shapes, String dataset) {
    json.name(type).beginObject().name("schema").beginObject();
    if (shapes.size() == 1) {
      json.member("$ref", SCHEMAS + shapes.get(0).component(dataset));
    } else {
      json.name("anyOf").beginArray();
      for (Shape shape : shapes) {
        json.beginObject().member("$ref", SCHEMAS + shape.component(dataset)).endObject();
      }
      json.endArray();
    }
    json.endObject().endObject();
  }

  private static void schemas(Json json, Collection<Dataset> datasets) {
    for (Shape shape : Shape.values()) {
      if (shape == Shape.NOTHING) {
        continue;
      }
      if (!shape.ofDataset()) {
        json.name(shape.component("")).raw(shape.schema(""));
        continue;
      }
      for (Dataset dataset : datasets) {
        json.name(shape.component(dataset.name()));
        List<Column> columns = dataset.cache().rowType().valueColumns();
        switch (shape) {
          case ROW -> ColumnSchema.row(json, columns);
          case PATCH -> ColumnSchema.patch(json, columns);
          case INCREMENT -> ColumnSchema.increment(json, columns);
          default -> json.raw(shape.schema(dataset.name()));
        }
      }
    }
  }
}
