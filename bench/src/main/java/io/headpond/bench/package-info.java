/**
 * Benchmarks and the crash and soak harness.
 * Not published.
 * It may touch every other module.
 */
@NullMarked
package io.headpond.bench;

import org.jspecify.annotations.NullMarked;
