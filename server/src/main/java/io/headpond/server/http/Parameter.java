package io.headpond.server.http;

import io.headpond.ErrorClass;
import java.util.Arrays;
import java.util.stream.Collectors;

/**
 * A parameter of a route: in the query, or a header that changes what the route does. Immutable.
 *
 * @param name as it is spelled in a request
 * @param header whether it is a header
 * @param required whether it must stand in a request
 * @param repeatable whether it may stand several times
 * @param schema its values, as JSON schema
 * @param description for people
 */
record Parameter(
    String name,
    boolean header,
    boolean required,
    boolean repeatable,
    String schema,
    String description) {
  private static final String TEXT = "{\"type\":\"string\"}";
  private static final String FLAG = "{\"type\":\"boolean\",\"default\":false}";

  static final Parameter DURABILITY =
      query(
          "durability",
          "{\"enum\":[\"memory\",\"journal\",\"disk\",\"replicas\",\"database\"]}",
          "What the write has survived when it is acknowledged; the dataset's setting if it is not said");
  static final Parameter CREATE =
      query("create", FLAG, "Whether an entry that is absent is made, all its columns null before");
  static final Parameter SETTLED =
      query(
          "settled",
          "{\"type\":\"integer\",\"minimum\":1}",
          "A version: asks whether the database has it, or a newer one, instead of for the entry");
  static final Parameter WAIT =
      query(
          "wait",
          "{\"type\":\"string\",\"pattern\":\"^[0-9]{1,5}(\\\\.[0-9]{1,3})?(ms|s)?$\",\"default\":\"0s\"}",
          "With settled: how long to wait for it, at most 60s");
  static final Parameter KEYS =
      new Parameter(
          "key",
          false,
          true,
          true,
          TEXT,
          "The text of a key, as it stands in answers; once for each, at most 1000");
  static final Parameter PREFIX = query("prefix", TEXT, "What the texts of the keys begin with");
  static final Parameter AFTER = query("after", TEXT, "next of the page before");
  static final Parameter LIMIT =
      query(
          "limit",
          "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000,\"default\":100}",
          "The most entries of the page");
  static final Parameter MAX_ENTRIES =
      query(
          "maxEntries",
          "{\"type\":\"integer\",\"minimum\":1,\"maximum\":2147483647}",
          "The most entries to write, the oldest of each partition; all if it is not said");
  static final Parameter ERROR_CLASS =
      query(
          "class",
          "{\"enum\":["
              + Arrays.stream(ErrorClass.values())
                  .map(each -> '"' + each.text() + '"')
                  .collect(Collectors.joining(","))
              + "]}",
          "The class of the last error");
  static final Parameter SQLSTATE =
      query(
          "sqlstate",
          "{\"type\":\"string\",\"pattern\":\"^[0-9A-Z]{1,5}$\",\"examples\":[\"23\",\"23505\"]}",
          "The SQLSTATE of the last error, or its beginning");
  static final Parameter SINCE =
      time("since", "2026-01-31T10:15:30Z", "Refused for the last time then or later");
  static final Parameter BEFORE =
      time("before", "2126-01-31T10:15:30Z", "Refused for the last time before");
  static final Parameter ALL = query("all", FLAG, "true, and no filter: all of them are meant");
  static final Parameter VERSION =
      query(
          "version",
          "{\"type\":\"integer\",\"minimum\":1}",
          "The version of the letter that is meant; the one that is there if it is not said");
  static final Parameter REMOVE =
      query("remove", FLAG, "true, and no body: the entry is removed instead");
  static final Parameter REASON = said("reason", "Why the value is given up");
  static final Parameter OPERATOR = said("operator", "Who gives it up");
  static final Parameter IF_MATCH =
      header(
          "If-Match",
          "Versions in quotes, separated by commas, one of which the entry must have; or * for any");
  static final Parameter IF_MATCH_LETTER =
      header("If-Match", "The version of the letter in quotes, as its ETag: the same as version");
  static final Parameter IF_NONE_MATCH = header("If-None-Match", "*: there must be no such entry");
  static final Parameter UNLESS =
      new Parameter(
          "If-None-Match",
          true,
          false,
          false,
          TEXT,
          "Versions in quotes that the client has; the answer is 304 if the entry has one of them");
  static final Parameter IDEMPOTENCY_KEY =
      new Parameter(
          IdempotencyKey.HEADER,
          true,
          false,
          false,
          "{\"type\":\"string\",\"minLength\":1,\"maxLength\":512}",
          "A name of the request, in quotes: sent again within a day it is not carried out again. Kept at journal and disk");

  private static Parameter time(String name, String example, String description) {
    return query(
        name,
        "{\"type\":\"string\",\"format\":\"date-time\",\"examples\":[\"" + example + "\"]}",
        description);
  }

  private static Parameter said(String name, String description) {
    String schema =
        "{\"type\":\"string\",\"minLength\":1,\"maxLength\":1000,\"examples\":[\"a test\"]}";
    return new Parameter(name, false, true, false, schema, description);
  }

  private static Parameter query(String name, String schema, String description) {
    return new Parameter(name, false, false, false, schema, description);
  }

  private static Parameter header(String name, String description) {
    return new Parameter(name, true, false, false, TEXT, description);
  }
}
