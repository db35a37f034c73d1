package io.headpond.jdbc;

import org.jspecify.annotations.Nullable;

/**
 * How a dataset maps to a table, as configured.
 *
 * @param table where the rows stand
 * @param versionColumn takes each row's version; null if there is none
 * @param updatedAtColumn takes the version as a time; null if there is none
 * @param keySequence gives new keys; null if there is none
 * @param createTable whether to make the table, and the sequence, if it is missing
 * @param onCreate statements for the transaction that makes the table; null if there are none
 * @param unsafeAllowed whether a server that can lose commits is accepted
 */
record Mapping(
    TableName table,
    @Nullable String versionColumn,
    @Nullable String updatedAtColumn,
    @Nullable TableName keySequence,
    boolean createTable,
    @Nullable String onCreate,
    boolean unsafeAllowed) {

  static Mapping of(TableName table, boolean unsafeAllowed) {
    return new Mapping(table, null, null, null, false, null, unsafeAllowed);
  }

  Mapping withVersionColumn(String name) {
    return new Mapping(
        table, name, updatedAtColumn, keySequence, createTable, onCreate, unsafeAllowed);
  }

  Mapping withUpdatedAtColumn(String name) {
    return new Mapping(
        table, versionColumn, name, keySequence, createTable, onCreate, unsafeAllowed);
  }

  Mapping withKeySequence(TableName name) {
    return new Mapping(
        table, versionColumn, updatedAtColumn, name, createTable, onCreate, unsafeAllowed);
  }

  Mapping withCreateTable(boolean create) {
    return new Mapping(
        table, versionColumn, updatedAtColumn, keySequence, create, onCreate, unsafeAllowed);
  }

  Mapping withOnCreate(String sql) {
    return new Mapping(
        table, versionColumn, updatedAtColumn, keySequence, createTable, sql, unsafeAllowed);
  }
}
