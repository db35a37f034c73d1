/**
 * What a user of Headpond touches: the cache, its builder, its results and its exceptions.
 * Nothing here needs a database driver or a framework.
 * It may touch the JDK, slf4j, jspecify and its own subpackages.
 */
@NullMarked
package io.headpond;

import org.jspecify.annotations.NullMarked;
