package io.headpond.server.http;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Map.Entry;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;

/**
 * A JSON document whose objects can be looked into; every part of it is kept as it was written, so that no digit is lost. Immutable.
 *
 * @param token what it begins with
 * @param text the document that it is part of
 * @param from where it begins there
 * @param to where it ends there
 * @param string the content of a string; empty for anything else
 * @param members of an object, in their order; empty for anything else
 */
record JsonTree(
    JsonToken token, String text, int from, int to, String string, Map<String, JsonTree> members) {

  /**
   * Reads a document of a client.
   *
   * @throws Problem if it is no JSON, or an object names a member twice
   */
  static JsonTree read(String text) {
    return read(text, true);
  }

  /** Reads a document that is stored; of members with the same name the last one counts. */
  static JsonTree readStored(String text) {
    return read(text, false);
  }

  private static JsonTree read(String text, boolean unique) {
    try (JsonParser parser = JsonRows.JSON.createParser(ObjectReadContext.empty(), text)) {
      JsonToken first = parser.nextToken();
      if (first == null) {
        throw Problem.of(Problem.Kind.INVALID_JSON, "body", "", "must be JSON; it is empty");
      }
      JsonTree tree = part(parser, first, text, unique, "");
      if (parser.nextToken() != null) {
        throw Problem.of(
            Problem.Kind.INVALID_JSON, "body", "more after the document", "must be one document");
      }
      return tree;
    } catch (JacksonException e) {
      throw JsonRows.invalidJson(e);
    }
  }

  /**
   * @param path where it stands in the document, for the problem; empty for the document itself
   */
  private static JsonTree part(
      JsonParser parser, JsonToken token, String text, boolean unique, String path) {
    int from = (int) parser.currentTokenLocation().getCharOffset();
    String string = "";
    Map<String, JsonTree> members = Map.of();
    if (token == JsonToken.START_OBJECT) {
      members = new LinkedHashMap<>();
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String name = parser.currentName();
        String at = path.isEmpty() ? name : path + '.' + name;
        JsonTree member = part(parser, parser.nextToken(), text, unique, at);
        if (members.put(name, member) != null && unique) {
          throw Problem.invalidValue(
              Problem.shown(at), "twice in an object", "must stand only once");
        }
      }
    } else if (token == JsonToken.START_ARRAY) {
      int index = 0;
      for (JsonToken t = parser.nextToken(); t != JsonToken.END_ARRAY; t = parser.nextToken()) {
        part(parser, t, text, unique, path + '[' + index++ + ']');
      }
    } else if (token == JsonToken.VALUE_STRING) {
      string = parser.getString();
    } else {
      parser.finishToken();
    }
    int to = (int) parser.currentLocation().getCharOffset();
    return new JsonTree(token, text, from, to, string, members);
  }

  boolean isObject() {
    return token == JsonToken.START_OBJECT;
  }

  boolean isNull() {
    return token == JsonToken.VALUE_NULL;
  }

  boolean isString() {
    return token == JsonToken.VALUE_STRING;
  }

  boolean isNumber() {
    return token.isNumeric();
  }

  @Nullable JsonTree member(String name) {
    return members.get(name);
  }

  /** As it was written. */
  String json() {
    return text.substring(from, to).strip();
  }

  /** What it is, for the value of a problem. */
  String shown() {
    return isObject() || token == JsonToken.START_ARRAY ? JsonRows.what(token) : json();
  }

  /**
   * This, changed as RFC 7396 has it: members of objects are merged, a null removes one, anything else takes the place of what is there.
   *
   * @return the document as JSON
   */
  String merge(JsonTree patch) {
    StringBuilder out = new StringBuilder();
    merge(this, patch, out);
    return out.toString();
  }

  private static void merge(@Nullable JsonTree target, JsonTree patch, StringBuilder out) {
    if (!patch.isObject()) {
      out.append(patch.json());
      return;
    }
    Map<String, JsonTree> before = target == null ? Map.of() : target.members;
    String separator = "{";
    for (Entry<String, JsonTree> member : before.entrySet()) {
      if (!patch.members.containsKey(member.getKey())) {
        out.append(separator).append(quoted(member.getKey())).append(member.getValue().json());
        separator = ",";
      }
    }
    for (Entry<String, JsonTree> member : patch.members.entrySet()) {
      if (!member.getValue().isNull()) {
        out.append(separator).append(quoted(member.getKey()));
        merge(before.get(member.getKey()), member.getValue(), out);
        separator = ",";
      }
    }
    out.append(separator.equals("{") ? "{}" : "}");
  }

  private static String quoted(String name) {
    return new Json().string(name) + ":";
  }
}
