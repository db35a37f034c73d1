package io.headpond.server;

import io.headpond.HeadpondException;
import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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
  private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
  private static final Duration TIMEOUT = Duration.ofMinutes(11);
  private static final JsonFactory JSON = JsonFactory.builder().build();

  @Option(
      names = "--server",
      paramLabel = "URL",
      defaultValue = "${env:HEADPOND_SERVER:-http://127.0.0.1:8080}",
      description = "The server to ask (HEADPOND_SERVER). Default: http://127.0.0.1:8080.")
  private String server = "http://127.0.0.1:8080";

  /** The answer to a GET. */
  String get(String path) {
    return send("GET", path);
  }

  /** The answer to a POST without a body. */
  String post(String path) {
    return send("POST", path);
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
    }
    return names;
  }

  private String send(String method, String path) {
    URI uri;
    try {
      uri = URI.create(server.replaceAll("/+$", "") + path);
    } catch (IllegalArgumentException e) {
      throw new HeadpondException("--server " + server + ": is no URL; use http://host:port", e);
    }
    if (uri.getHost() == null || uri.getScheme() == null || !uri.getScheme().matches("https?")) {
      throw new HeadpondException("--server " + server + ": is no URL; use http://host:port");
    }
    HttpRequest request =
        HttpRequest.newBuilder(uri)
            .method(method, HttpRequest.BodyPublishers.noBody())
            .timeout(TIMEOUT)
            .build();
    HttpResponse<String> response;
    try {
      response =
          HttpClient.newBuilder()
              .version(HttpClient.Version.HTTP_1_1)
              .connectTimeout(CONNECT_TIMEOUT)
              .build()
              .send(request, BodyHandlers.ofString());
    } catch (IOException e) {
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
          server + " answered " + response.statusCode() + ": " + detail(response.body()));
    }
    return response.body();
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
      throw new HeadpondException("the server's answer is no JSON; is it a Headpond server?", e);
    }
    return out.toString();
  }

  static String encode(String text) {
    return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
  }

  private static String detail(String problem) {
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
