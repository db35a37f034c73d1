package io.headpond.jdbc;

import org.jspecify.annotations.Nullable;

/**
 * How a dataset maps to a table, as configured.
 *
 * @param table where the rows stand
 * @param versionColumn takes each row's version; null if there is none
 * @param updatedAtColumn takes the version as a time; null if there is none
 * @param createTable whether to make the table if it is missing
 * @param unsafeAllowed whether a server that can lose commits is accepted
 */
record Mapping(
    TableName table,
    @Nullable String versionColumn,
    @Nullable String updatedAtColumn,
    boolean createTable,
    boolean unsafeAllowed) {}
