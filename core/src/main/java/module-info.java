/**
 * The write-behind cache: what a user touches, the ports for adapters, and the embedded hot store. The
 * engine is not exported.
 */
module io.headpond.core {
  requires com.github.benmanes.caffeine;
  requires org.slf4j;
  requires static transitive org.jspecify;

  exports io.headpond;
  exports io.headpond.spi;
  exports io.headpond.journal;
}
