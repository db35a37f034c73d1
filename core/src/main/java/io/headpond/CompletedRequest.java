package io.headpond;

import java.time.Instant;

/**
 * A request that was carried out and is remembered, see {@link RequestId}.
 *
 * @param key the entry that it wrote
 * @param version the version that its write was given
 * @param fingerprint of the request
 * @param time when it was carried out
 */
public record CompletedRequest<K>(K key, long version, String fingerprint, Instant time) {}
