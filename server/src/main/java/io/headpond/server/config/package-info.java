/**
 * What the server is told: YAML, environment and flags become one immutable configuration.
 * It may touch core's public types and the YAML parser; it opens nothing.
 */
@NullMarked
package io.headpond.server.config;

import org.jspecify.annotations.NullMarked;
