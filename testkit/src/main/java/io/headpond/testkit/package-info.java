/**
 * For tests of what uses or extends Headpond: contract tests for the ports, a manual clock and scheduler, a disk and
 * a database that fail on command, and the history checker. Test scope only.
 */
@NullMarked
package io.headpond.testkit;

import org.jspecify.annotations.NullMarked;
