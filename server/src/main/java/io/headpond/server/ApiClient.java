package io.headpond.server;

import io.headpond.HeadpondException;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.net.ssl.SSLHandshakeException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonGenerator;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.ObjectWriteContext;
import tools.jackson.core.PrettyPrinter;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.core.util.DefaultPrettyPrinter;

/** A running server, asked over HTTP; an option of the commands that do so. */
final class ApiClient {
  private static final int UNAUTHORIZED = 401;
  private static final Duration TIMEOUT = Duration.ofMinutes(11);
  private static final String DEFAULT = "http://127.0.0.1:8080";
  private static final String PROBLEM = "{\"type\":\"urn:headpond:problem:";
  private static final JsonFactory JSON = JsonFactory.builder().build();

  @Option(
      names = "--server",
      paramLabel = "URL",
      defaultValue = "${env:HEADPOND_SERVER:-" + DEFAULT + "}",
      description = "The server to ask (HEADPOND_SERVER). Default: " + DEFAULT + ".")
  private String server = DEFAULT;

  @Mixin private final ServerOptions options = new ServerOptions();

  /** The answer to a GET. */
  String get(String path) {
    return send("GET", path);
  }

  /** The answer to a POST without a body. */
  String post(String path) {
    return send("POST", path);
  }

  /** The answer to a PUT of a JSON body; none if it is empty. */
  String put(String path, String body) {
    return send("PUT", path, body, "", BodyHandlers.ofString());
  }

  /** The answer to a DELETE. */
  String delete(String path) {
    return send("DELETE", path);
  }

  /** Takes a line of an answer. */
  @FunctionalInterface
  interface Line {
    void take(String line) throws IOException;
  }

  /** The answer to a POST of lines of JSON. */
  String postLines(String path, String lines) {
    return send("POST", path, lines, "application/x-ndjson", BodyHandlers.ofString());
  }

  /** Gives each line of the answer to a POST without a body, as {@link #lines} does. */
  void postLines(String path, Line line) throws IOException {
    lines("POST", path, line);
  }

  /** Gives each line of the answer to a GET, as it comes. A last line that is a problem is an error: the answer was cut. */
  void lines(String path, Line line) throws IOException {
    lines("GET", path, line);
  }

  private void lines(String method, String path, Line line) throws IOException {
    try (Stream<String> lines = send(method, path, "", "", BodyHandlers.ofLines())) {
      for (Iterator<String> each = lines.iterator(); each.hasNext(); ) {
        String text = each.next();
        if (text.startsWith(PROBLEM)) {
          throw new HeadpondException(server + " cut its answer: " + detail(text));
        }
        line.take(text);
      }
    } catch (UncheckedIOException e) {
      throw new HeadpondException(
          "the answer of " + server + " was cut before its end; ask again", e);
    }
  }

  /** What was said of the server, as options; empty if it is the default. */
  Map<String, String> options() {
    return server.equals(DEFAULT) ? Map.of() : Map.of("server", server);
  }

  /** The path of a dataset. */
  String dataset(String name) {
    return "/v1/datasets/" + encode(name);
  }

  /** The key of a text, as answers show it, as a segment of a path. */
  String keySegment(String dataset, String text) {
    if (objects(get(dataset(dataset)), "key").size() == 1) {
      return encode(text);
    }
    return Stream.of(text.split(",", -1))
        .map(part -> encode(part.replace("%2C", ",").replace("%25", "%")))
        .collect(Collectors.joining(","));
  }

  /** Parameters as they stand behind a path. */
  static String query(Map<String, String> parameters) {
    return parameters.isEmpty()
        ? ""
        : parameters.entrySet().stream()
            .map(each -> each.getKey() + "=" + encode(each.getValue()))
            .collect(Collectors.joining("&", "?", ""));
  }

  /** What the objects of an array of a document hold, without what is null or has parts. */
  static List<Map<String, String>> objects(String json, String array) {
    List<Map<String, String>> objects = new ArrayList<>();
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), json)) {
      while (parser.nextToken() != null) {
        if (parser.currentToken() == JsonToken.START_ARRAY && array.equals(parser.currentName())) {
          while (parser.nextToken() == JsonToken.START_OBJECT) {
            objects.add(members(parser));
          }
        }
      }
    } catch (JacksonException e) {
      throw notOurs(e);
    }
    return objects;
  }

  private static Map<String, String> members(JsonParser parser) {
    Map<String, String> members = new LinkedHashMap<>();
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      String name = parser.currentName();
      JsonToken value = parser.nextToken();
      if (value.isStructStart()) {
        parser.skipChildren();
      } else if (value != JsonToken.VALUE_NULL) {
        members.put(name, parser.getString());
      }
    }
    return members;
  }

  /** A member of a document; null if it is null or not there. */
  static @Nullable String field(String json, String name) {
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), json)) {
      parser.nextToken();
      return members(parser).get(name);
    } catch (JacksonException e) {
      throw notOurs(e);
    }
  }

  private static HeadpondException notOurs(JacksonException e) {
    return new HeadpondException("the server's answer is no JSON; is it a Headpond server?", e);
  }

  /** The names of all datasets. */
  List<String> datasets() {
    List<String> names = new ArrayList<>();
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), get("/v1/datasets"))) {
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        if (token == JsonToken.VALUE_STRING && "name".equals(parser.currentName())) {
          names.add(parser.getString());
        }
      }
    } catch (JacksonException e) {
      throw notOurs(e);
    }
    return names;
  }

  private String send(String method, String path) {
    return send(method, path, "", "", BodyHandlers.ofString());
  }

  private <T> T send(String method, String path, String body, String type, BodyHandler<T> handler) {
    URI uri;
    try {
      uri = URI.create(server.replaceAll("/+$", "") + path);
    } catch (IllegalArgumentException e) {
      throw new HeadpondException("--server " + server + ": is no URL; use http://host:port", e);
    }
    if (uri.getHost() == null || uri.getScheme() == null || !uri.getScheme().matches("https?")) {
      throw new HeadpondException("--server " + server + ": is no URL; use http://host:port");
    }
    HttpRequest.Builder begun = options.authorize(HttpRequest.newBuilder(uri));
    if (!type.isEmpty()) {
      begun.header("Content-Type", type);
    }
    HttpRequest request =
        begun
            .method(
                method,
                body.isEmpty()
                    ? HttpRequest.BodyPublishers.noBody()
                    : HttpRequest.BodyPublishers.ofString(body))
            .timeout(TIMEOUT)
            .build();
    HttpResponse<T> response;
    try {
      response = options.client().send(request, handler);
    } catch (SSLHandshakeException e) {
      throw new HeadpondException(
          "--server "
              + server
              + ": its certificate is not trusted ("
              + e.getMessage()
              + "); name the one that signed it with --ca FILE.pem",
          e);
    } catch (IOException e) {
      if ("https".equals(uri.getScheme()) && !(e instanceof ConnectException)) {
        throw new HeadpondException(
            "--server " + server + ": no server that speaks TLS answers there; use http://", e);
      }
      throw new HeadpondException(
          "no server answers at "
              + server
              + "; start one with `headpond serve`, or name another with --server",
          e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new HeadpondException("interrupted", e);
    }
    if (response.statusCode() >= 400) {
      throw new HeadpondException(
          server
              + " answered "
              + response.statusCode()
              + ": "
              + detail(text(response.body()))
              + (response.statusCode() == UNAUTHORIZED
                  ? "; give one with --token or HEADPOND_TOKEN"
                  : ""));
    }
    return response.body();
  }

  private static String text(Object body) {
    return body instanceof Stream<?> lines
        ? lines.map(String::valueOf).collect(Collectors.joining("\n"))
        : String.valueOf(body);
  }

  /** A JSON document on several lines. */
  static String pretty(String json) {
    StringWriter out = new StringWriter();
    ObjectWriteContext indented =
        new ObjectWriteContext.Base() {
          @Override
          public PrettyPrinter getPrettyPrinter() {
            return new DefaultPrettyPrinter();
          }

          @Override
          public boolean hasPrettyPrinter() {
            return true;
          }
        };
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), json);
        JsonGenerator generator = JSON.createGenerator(indented, out)) {
      while (parser.nextToken() != null) {
        generator.copyCurrentEventExact(parser);
      }
    } catch (JacksonException e) {
      throw notOurs(e);
    }
    return out.toString();
  }

  static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private static String detail(String problem) {
    if (problem.contains("requires TLS")) {
      return "it speaks TLS; use https://";
    }
    try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), problem)) {
      for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
        if (token == JsonToken.VALUE_STRING && "detail".equals(parser.currentName())) {
          return parser.getString();
        }
      }
    } catch (JacksonException e) {
      // No problem document: not one of our servers.
    }
    return "no reason given; is it a Headpond server?";
  }
}
