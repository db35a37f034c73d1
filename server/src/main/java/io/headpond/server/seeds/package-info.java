/**
 * The routes of seeds 002 and 003, beside those under {@code /v1}: their paths, fields and words for what a dataset does.
 * No logic of the engine; see {@code docs/seeds.md}.
 * It may touch core and the HTTP package.
 */
@NullMarked
package io.headpond.server.seeds;

import org.jspecify.annotations.NullMarked;
