/**
 * Redis and Valkey servers for tests: alone, as a cluster, behind Sentinels; real processes on free ports of loopback.
 * It may touch the JDK, JUnit's assumptions and the binaries; nothing of the adapter.
 */
@NullMarked
package io.headpond.redis.servers;

import org.jspecify.annotations.NullMarked;
