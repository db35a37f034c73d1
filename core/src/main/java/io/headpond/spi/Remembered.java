package io.headpond.spi;

import io.headpond.Key;
import io.headpond.RequestId;

/**
 * A request that was carried out.
 *
 * @param request its id and fingerprint
 * @param key the entry that it wrote
 * @param version the version that its write was given
 * @param micros when, in microseconds since the epoch
 */
public record Remembered(RequestId request, Key key, long version, long micros) {}
