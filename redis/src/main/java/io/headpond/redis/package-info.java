/**
 * The hot store on Redis and Valkey: scripts, connections, safety checks.
 * It may touch core, Lettuce and the JDK; neither the server nor another adapter.
 */
@NullMarked
package io.headpond.redis;

import org.jspecify.annotations.NullMarked;
