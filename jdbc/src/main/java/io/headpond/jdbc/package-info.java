/**
 * The system of record over JDBC: mapping, dialects, leases.
 * Drivers are optional and named by the user.
 * It may touch core, HikariCP and the JDK; neither the server nor another adapter.
 */
@NullMarked
package io.headpond.jdbc;

import org.jspecify.annotations.NullMarked;
