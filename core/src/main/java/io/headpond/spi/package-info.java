/**
 * The ports of the engine and what they speak of: hot stores, systems of record, time and threads.
 * For who writes an adapter; it sees the root package only.
 */
@NullMarked
package io.headpond.spi;

import org.jspecify.annotations.NullMarked;
