/**
 * The engine: writes and admission, reads, one flusher for each partition. Not exported; users see the
 * root package. It sees the ports and no adapter.
 */
@NullMarked
package io.headpond.engine;

import org.jspecify.annotations.NullMarked;
