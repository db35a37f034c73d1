/**
 * A deterministic simulation of a whole deployment: the real engine and the real journal on manual time, with a disk, a database and a network
 * that fail from a seed. May touch the ports, what a user touches, the journal store and the rest of the test kit.
 */
@NullMarked
package io.headpond.testkit.simulation;

import org.jspecify.annotations.NullMarked;
