package io.headpond;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * The canonical form of an entry's key: two keys that the database takes for one row are equal here.
 * Made by {@link RowType#key}; immutable and safe to share.
 *
 * <p>The bytes of a one-column key are the encoding of its value; those of a key with several
 * columns are each value's encoding behind its length. They stand in journals and decide the
 * partition, so they never change for a given {@link #HASH_VERSION}.
 */
public final class Key implements Comparable<Key> {
  /** Names the encoding and the hash below; stored beside whatever depends on them. */
  public static final int HASH_VERSION = 1;

  private final byte[] bytes;
  private final int hash;

  private Key(byte[] bytes) {
    this.bytes = bytes;
    this.hash = murmur3(bytes);
  }

  /** Takes bytes that {@link #toBytes()} of an equal key returned; the array is not copied. */
  public static Key ofCanonical(byte[] bytes) {
    return new Key(bytes);
  }

  /** The canonical bytes. Not a copy: the caller must not change them. */
  public byte[] toBytes() {
    return bytes;
  }

  /** How many bytes the canonical form has. */
  public int length() {
    return bytes.length;
  }

  /** The partition of this key among {@code count} partitions: from 0 to {@code count - 1}. */
  public int partition(int count) {
    // The same for a power of two, without a division.
    return (count & count - 1) == 0 ? hash & count - 1 : Integer.remainderUnsigned(hash, count);
  }

  /** A stable hash of the key, fit for a log line where the key itself must not stand. */
  public String hashText() {
    return String.format("%08x", hash);
  }

  @Override
  public int compareTo(Key other) {
    return Arrays.compareUnsigned(bytes, other.bytes);
  }

  @Override
  public boolean equals(Object other) {
    return this == other
        || (other instanceof Key key && hash == key.hash && Arrays.equals(bytes, key.bytes));
  }

  @Override
  public int hashCode() {
    return hash;
  }

  /** The canonical bytes as Latin text, for debugging; {@link RowType#keyText} is the readable form. */
  @Override
  public String toString() {
    return "Key[" + new String(bytes, StandardCharsets.ISO_8859_1) + "]";
  }

  /** MurmurHash3 x86_32 with seed 0 (Austin Appleby, public domain), chosen for its stable definition. */
  private static int murmur3(byte[] data) {
    int h = 0;
    int end = data.length & ~3;
    for (int i = 0; i < end; i += 4) {
      int k =
          (data[i] & 0xff)
              | (data[i + 1] & 0xff) << 8
              | (data[i + 2] & 0xff) << 16
              | data[i + 3] << 24;
      h = Integer.rotateLeft(h ^ mix(k), 13) * 5 + 0xe6546b64;
    }
    int tail = 0;
    for (int i = data.length - 1; i >= end; i--) {
      tail = tail << 8 | (data[i] & 0xff);
    }
    h ^= mix(tail);
    h ^= data.length;
    h = (h ^ h >>> 16) * 0x85ebca6b;
    h = (h ^ h >>> 13) * 0xc2b2ae35;
    return h ^ h >>> 16;
  }

  private static int mix(int k) {
    return Integer.rotateLeft(k * 0xcc9e2d51, 15) * 0x1b873593;
  }
}
