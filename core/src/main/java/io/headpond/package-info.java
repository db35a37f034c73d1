/**
 * What a user of Headpond touches: the cache, its builder, rows and their types, receipts, errors.
 * It sees no adapter.
 */
@NullMarked
package io.headpond;

import org.jspecify.annotations.NullMarked;
