/**
 * The embedded hot store: pending entries in memory and in an append-only journal, clean ones in a
 * bounded cache. It sees the root package and the ports.
 */
@NullMarked
package io.headpond.journal;

import org.jspecify.annotations.NullMarked;
