package io.headpond.server.http;

/**
 * What a body holds, in a request or an answer, as JSON schema: the components of the OpenAPI document. Those that are different
 * for each dataset have the names of its schemas in front, as in {@code kv.Row}.
 */
enum Shape {
  PROBLEM(
      "Problem",
      """
      {"type":"object","description":"What went wrong (RFC 9457). field, value and rule stand where one field is to blame",
      "required":["type","title","status","detail"],"additionalProperties":false,"properties":{
      "type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},
      "field":{"type":"string"},"value":{"type":"string"},"rule":{"type":"string"},
      "currentVersion":{"type":["integer","null"],"description":"With 412: the version of the entry; null if there is none"},
      "retryAfterSeconds":{"type":"integer","minimum":1}}}"""),
  PONG(
      "Pong",
      """
      {"type":"object","required":["pong"],"additionalProperties":false,"properties":{"pong":{"const":true}}}"""),
  /** No body at all. */
  NOTHING("", "{}"),
  OPENAPI("OpenApi", "{\"type\":\"object\",\"description\":\"This document\"}"),
  HEALTH(
      "Health",
      """
      {"type":"object","required":["status","workerActive","reasons","datasets"],"additionalProperties":false,"properties":{
      "status":{"enum":["STARTING","UP","DEGRADED","DOWN"]},"reasons":{"type":"array","items":{"type":"string"}},
      "workerActive":{"type":["boolean","null"],"description":"Whether anybody brings entries to the database; null if it has not said"},
      "datasets":{"type":"object","additionalProperties":{"enum":["UP","DEGRADED","DOWN"]}}}}"""),
  WORKERS(
      "Workers",
      """
      {"type":"object","required":["datasets"],"additionalProperties":false,"properties":{"datasets":{"type":"array","items":{"type":"object",
      "required":["dataset","workers"],"additionalProperties":false,"properties":{"dataset":{"type":"string"},
      "error":{"type":"string","description":"Why the database does not say who they are"},
      "unowned":{"type":"array","items":{"type":"integer"}},"unownedLagSeconds":{"type":"number"},
      "workers":{"type":["array","null"],"items":{"type":"object","required":["name","id","self","since","partitions","lagSeconds"],
      "additionalProperties":false,"properties":{"name":{"type":"string"},"id":{"type":"string","format":"uuid"},
      "self":{"type":"boolean"},"since":{"type":"string","format":"date-time"},"lagSeconds":{"type":"number"},
      "partitions":{"type":"array","items":{"type":"object","required":["partition","since","lagSeconds"],"additionalProperties":false,
      "properties":{"partition":{"type":"integer"},"since":{"type":"string","format":"date-time"},"lagSeconds":{"type":"number"}}}}}}}}}}}}"""),
  DATASETS(
      "Datasets",
      """
      {"type":"object","required":["datasets"],"additionalProperties":false,"properties":{"datasets":{"type":"array","items":{
      "type":"object","required":["name","table","health","pendingEntries","lagSeconds"],"additionalProperties":false,"properties":{
      "name":{"type":"string"},"table":{"type":"string"},"health":{"enum":["UP","DEGRADED","DOWN"]},
      "pendingEntries":{"type":"integer"},"lagSeconds":{"type":"number"}}}}}}"""),
  DATASET(
      "Dataset",
      """
      {"type":"object","required":["name","table","health","reasons","pendingEntries","parked","counters","key","columns","settings"],
      "properties":{"name":{"type":"string"},"table":{"type":"string"},"health":{"enum":["UP","DEGRADED","DOWN"]},
      "reasons":{"type":"array","items":{"type":"string"}},"pendingEntries":{"type":"integer"},"parked":{"type":"integer"},
      "counters":{"type":"object","additionalProperties":{"type":"integer"}},"key":{"type":"array"},"columns":{"type":"array"},
      "settings":{"type":"object"}}}"""),
  PENDING(
      "Pending",
      """
      {"type":"object","required":["dataset","entries","next"],"additionalProperties":false,"properties":{
      "dataset":{"type":"string"},"entries":{"type":"array","items":{"type":"object",
      "required":["key","version","operation","state","ageSeconds","attempts","due","error"],"additionalProperties":false,"properties":{
      "key":{"type":"string"},"version":{"type":"integer"},"operation":{"enum":["put","remove"]},"state":{"enum":["pending","parked"]},
      "ageSeconds":{"type":"number"},"attempts":{"type":"integer"},"due":{"type":["string","null"],"format":"date-time"},
      "error":{"type":["string","null"]}}}},
      "next":{"type":["string","null"],"description":"For after; null on the last page"}}}"""),
  FLUSHED(
      "Flushed",
      """
      {"type":"object","required":["dataset","applied","stale","retried","rejected","statements","remaining","error"],
      "additionalProperties":false,"properties":{"dataset":{"type":"string"},"applied":{"type":"integer"},"stale":{"type":"integer"},
      "retried":{"type":"integer"},"rejected":{"type":"integer"},"statements":{"type":"integer"},"remaining":{"type":"integer"},
      "error":{"type":["string","null"]}}}"""),
  WRITTEN("Written", written("")),
  SETTLED(
      "Settled",
      """
      {"type":"object","required":["dataset","key","version","settled"],"additionalProperties":false,"properties":{
      "dataset":{"type":"string"},"key":{"type":"string"},"version":{"type":"integer"},"settled":{"type":"boolean"}}}"""),
  INVALIDATED(
      "Invalidated",
      """
      {"type":"object","required":["dataset","key","state"],"additionalProperties":false,"properties":{"dataset":{"type":"string"},
      "key":{"type":"string"},"state":{"enum":["pending","parked",null],"description":"What is kept of the entry; null for nothing"}}}"""),
  BATCH_LINE(
      "BatchLine",
      """
      {"type":"object","description":"A line of a batch","required":["op"],"additionalProperties":false,"properties":{
      "op":{"enum":["put","remove","patch","increment","create"]},"key":{"type":"string","description":"The key's text; none with create"},
      "value":{"type":"object","description":"The body of the route that does the same"},
      "ifMatch":{"description":"A version, or *","anyOf":[{"type":"integer","minimum":0},{"const":"*"}]},"ifNoneMatch":{"const":"*"},
      "create":{"type":"boolean"},"durability":{"enum":["memory","journal","disk","replicas","database"]},
      "idempotencyKey":{"type":"string","minLength":1,"maxLength":255}}}"""),
  BATCH_ANSWER(
      "BatchAnswer",
      """
      {"type":"object","description":"What became of the line of this number; a problem has the members of Problem beside it",
      "required":["line","status"],"properties":{"line":{"type":"integer","minimum":1},"status":{"type":"integer"},
      "key":{"type":"string"},"version":{"type":"integer"},"durability":{"type":"string"},"repeated":{"type":"boolean"}}}"""),
  LIVE(
      "Live",
      """
      {"type":"object","required":["live"],"additionalProperties":false,"properties":{"live":{"const":true}}}"""),
  READY(
      "Ready",
      """
      {"type":"object","required":["ready","reasons"],"additionalProperties":false,"properties":{"ready":{"type":"boolean"},
      "reasons":{"type":"array","items":{"type":"string"}}}}"""),
  LAB(
      "Lab",
      """
      {"type":"object","required":["simulateFailures","failureRate","outage","reasons"],"additionalProperties":false,"properties":{
      "simulateFailures":{"type":"boolean"},"failureRate":{"type":"number","minimum":0,"maximum":1},"outage":{"type":"boolean"},
      "reasons":{"type":"array","items":{"type":"string"}}}}"""),
  LAB_CHANGE(
      "LabChange",
      """
      {"type":"object","description":"What is not named stays as it is","additionalProperties":false,"properties":{
      "simulateFailures":{"type":"boolean"},"failureRate":{"type":"number","minimum":0,"maximum":1},"outage":{"type":"boolean"}}}"""),
  DEAD_LETTERS(
      "DeadLetters",
      """
      {"type":"object","required":["dataset","letters","next"],"additionalProperties":false,"properties":{"dataset":{"type":"string"},
      "letters":{"type":"array","items":{"type":"object","required":["""
          + letterNames()
          + "],\"additionalProperties\":false,\"properties\":{"
          + letter()
          + "}}},\"next\":{\"type\":[\"string\",\"null\"],\"description\":\"For after; null on the last page\"}}}"),
  DEAD_LETTER(
      "DeadLetter",
      true,
      "{\"type\":\"object\",\"required\":[\"dataset\","
          + letterNames()
          + ",\"value\"],\"additionalProperties\":false,\"properties\":{\"dataset\":{\"type\":\"string\"},"
          + letter()
          + ",\"value\":{\"anyOf\":[{\"$ref\":\"#/components/schemas/{dataset}.Row\"},{\"type\":\"null\"}]}}}"),
  EXPORTED_LETTER(
      "ExportedLetter",
      true,
      """
      {"description":"A line of an export. If it had to be cut, the last one is the problem","anyOf":[
      {"$ref":"#/components/schemas/{dataset}.DeadLetter"},{"$ref":"#/components/schemas/Problem"}]}"""),
  RETRIED(
      "Retried",
      """
      {"type":"object","required":["dataset","retried"],"additionalProperties":false,"properties":{"dataset":{"type":"string"},
      "retried":{"type":"integer","minimum":0,"description":"How many letters are tried again"}}}"""),
  DISCARDED(
      "Discarded",
      """
      {"type":"object","required":["dataset","key","file"],"additionalProperties":false,"properties":{"dataset":{"type":"string"},
      "key":{"type":"string"},"file":{"type":"string","description":"Where the letter is kept"}}}"""),
  QUEUE_LINE(
      "QueueLine",
      true,
      """
      {"description":"A line of a backup: the first, an entry, or the last; if it had to be cut, the last one is the problem","anyOf":[
      {"type":"object","required":["headpond","format","dataset","key","columns","time"],"properties":{
      "headpond":{"const":"queue"},"format":{"const":1},"dataset":{"type":"string"},"key":{"type":"array"},"columns":{"type":"array"},
      "time":{"type":"string","format":"date-time"}}},
      {"type":"object","required":["key","operation","version","state","value"],"additionalProperties":false,"properties":{
      "key":{"type":"string"},"operation":{"enum":["put","remove"]},"version":{"type":"integer"},"state":{"enum":["pending","parked"]},
      "value":{"anyOf":[{"$ref":"#/components/schemas/{dataset}.Row"},{"type":"null"}]}}},
      {"type":"object","required":["entries"],"additionalProperties":false,"properties":{"entries":{"type":"integer"}}},
      {"$ref":"#/components/schemas/Problem"}]}"""),
  PURGED(
      "Purged",
      """
      {"description":"How far it is, again and again; the last line has done, or is the problem","anyOf":[
      {"type":"object","required":["dataset","purged","underWay","gone","file","done"],"additionalProperties":false,"properties":{
      "dataset":{"type":"string"},"purged":{"type":"integer"},
      "underWay":{"type":"integer","description":"How many stay, since a batch may carry them"},
      "gone":{"type":"integer","description":"How many were settled, written again or purged meanwhile"},
      "file":{"type":["string","null"],"description":"Where they are kept; null if there was nothing"},"done":{"type":"boolean"}}},
      {"$ref":"#/components/schemas/Problem"}]}"""),
  RESTORED(
      "Restored",
      """
      {"type":"object","required":["dataset","restored","older","refused"],"additionalProperties":false,"properties":{
      "dataset":{"type":"string"},"restored":{"type":"integer"},
      "older":{"type":"integer","description":"How many were skipped, since what is there is as new or newer"},
      "refused":{"type":"array","items":{"type":"object","required":["line","reason"],"additionalProperties":false,"properties":{
      "line":{"type":"integer","description":"Of the request; the first is 1"},"reason":{"type":"string"}}}}}}"""),
  ROW("Row"),
  PATCH("Patch"),
  INCREMENT("Increment"),
  ENTRY(
      "Entry",
      true,
      """
      {"type":"object","required":["dataset","key","version","source","state","value"],"additionalProperties":false,"properties":{
      "dataset":{"type":"string"},"key":{"type":"string"},"version":{"type":"integer"},"source":{"enum":["cache","database"]},
      "state":{"enum":["clean","pending","parked"]},"value":{"$ref":"#/components/schemas/{dataset}.Row"},
      "possiblyStale":{"const":true,"description":"The hot store did not answer: there may be a newer value"}}}"""),
  ENTRIES(
      "Entries",
      true,
      """
      {"type":"object","required":["dataset","entries"],"additionalProperties":false,"properties":{"dataset":{"type":"string"},
      "entries":{"type":"array","items":{"type":"object","required":["key","version","source","state","value"],
      "additionalProperties":false,"properties":{"key":{"type":"string"},"version":{"type":["integer","null"]},
      "source":{"enum":["cache","database"]},"state":{"enum":["clean","pending","parked"]},
      "possiblyStale":{"const":true},"value":{"anyOf":[{"$ref":"#/components/schemas/{dataset}.Row"},{"type":"null"}]}}}}}}"""),
  CHANGED(
      "Changed",
      true,
      written(
          ",\"value\":{\"anyOf\":[{\"$ref\":\"#/components/schemas/{dataset}.Row\"},{\"type\":\"null\"}]},"
              + "\"repeated\":{\"type\":\"boolean\"}"));

  private final String name;
  private final boolean ofDataset;
  private final String schema;

  Shape(String name, String schema) {
    this(name, false, schema);
  }

  /** One that comes from the columns. */
  Shape(String name) {
    this(name, true, "");
  }

  Shape(String name, boolean ofDataset, String schema) {
    this.name = name;
    this.ofDataset = ofDataset;
    this.schema = schema;
  }

  /** Whether it is different for each dataset. */
  boolean ofDataset() {
    return ofDataset;
  }

  /** Whether its schema comes from the columns of the dataset. */
  boolean ofColumns() {
    return schema.isEmpty();
  }

  /** Its name among the components. */
  String component(String dataset) {
    return ofDataset ? dataset + "." + name : name;
  }

  String schema(String dataset) {
    return schema.replace("{dataset}", dataset);
  }

  private static String letterNames() {
    return """
        "key","operation","version","attempts","first","last","class","sqlstate","error\"""";
  }

  /** The members of a dead letter, but for its value. */
  private static String letter() {
    return """
        "key":{"type":"string"},"operation":{"enum":["put","remove"]},"version":{"type":"integer"},"attempts":{"type":"integer"},
        "first":{"type":"string","format":"date-time"},"last":{"type":"string","format":"date-time"},"class":{"type":"string"},
        "sqlstate":{"type":["string","null"]},"error":{"type":"string"}""";
  }

  private static String written(String more) {
    return """
        {"type":"object","required":["dataset","key","version","durability","source","pending"],"additionalProperties":false,
        "properties":{"dataset":{"type":"string"},"key":{"type":"string"},"version":{"type":"integer"},
        "durability":{"enum":["memory","journal","disk","replicas","database"]},"source":{"enum":["cache","database"]},
        "pending":{"type":"integer","minimum":0}"""
        + more
        + "}}";
  }
}
