/**
 * A PostgreSQL server started from binaries on the class path.
 * The caller owns its life: nothing here starts or stops it unasked.
 * It may touch the JDK, slf4j and pgjdbc; no other Headpond module.
 */
@NullMarked
package io.headpond.postgres;

import org.jspecify.annotations.NullMarked;
