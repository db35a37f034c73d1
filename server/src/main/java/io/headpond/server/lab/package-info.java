/**
 * The lab: failures of the database that are made up on purpose, to try out what happens then.
 * Off unless somebody switches it on; shown wherever the health is.
 * It may touch core.
 */
@NullMarked
package io.headpond.server.lab;

import org.jspecify.annotations.NullMarked;
