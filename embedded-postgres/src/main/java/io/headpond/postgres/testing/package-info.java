/**
 * One server for all tests of a JVM.
 * For tests only.
 * It may touch io.headpond.postgres and the JDK.
 */
@NullMarked
package io.headpond.postgres.testing;

import org.jspecify.annotations.NullMarked;
