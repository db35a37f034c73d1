package io.headpond;

import org.jspecify.annotations.Nullable;

/**
 * What an update made of an entry.
 *
 * @param value its value as the update left it; null if it was removed, and if the receipt is that of an earlier request
 *     with the same {@link RequestId}
 * @param receipt proof of the write
 */
public record Updated<V>(@Nullable V value, Receipt receipt) {}
