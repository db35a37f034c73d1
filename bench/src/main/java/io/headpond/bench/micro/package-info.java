/**
 * JMH benchmarks of single steps of the hot path.
 * Not published.
 * It may touch every other module.
 */
@NullMarked
package io.headpond.bench.micro;

import org.jspecify.annotations.NullMarked;
