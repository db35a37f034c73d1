/**
 * The HTTP API: requests become calls of a cache, their results become JSON or problem documents.
 * It may touch core's public types, the servlet API and Tomcat; it knows no store and no database.
 */
@NullMarked
package io.headpond.server.http;

import org.jspecify.annotations.NullMarked;
