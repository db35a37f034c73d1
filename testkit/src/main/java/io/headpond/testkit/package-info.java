/**
 * Contract tests for the ports, a manual clock and scheduler, and faulty fakes.
 * For tests only; never on a production class path.
 * It may touch core, JUnit's API and AssertJ.
 */
@NullMarked
package io.headpond.testkit;

import org.jspecify.annotations.NullMarked;
