package io.headpond.redis;

/** Which slot of a cluster a key is in: CRC16 (XMODEM) of its hash tag, or of all of it if it has none, modulo 16,384. */
final class Slots {
  static final int COUNT = 16384;

  private static final int[] TABLE = new int[256];

  static {
    for (int i = 0; i < 256; i++) {
      int crc = i << 8;
      for (int bit = 0; bit < 8; bit++) {
        crc = (crc & 0x8000) == 0 ? crc << 1 : (crc << 1) ^ 0x1021;
      }
      TABLE[i] = crc & 0xffff;
    }
  }

  private Slots() {}

  static int of(byte[] key) {
    int from = 0;
    int to = key.length;
    int open = find(key, '{', 0);
    if (open >= 0) {
      int close = find(key, '}', open + 1);
      if (close > open + 1) {
        from = open + 1;
        to = close;
      }
    }
    int crc = 0;
    for (int i = from; i < to; i++) {
      crc = ((crc << 8) & 0xffff) ^ TABLE[((crc >>> 8) ^ key[i]) & 0xff];
    }
    return crc & (COUNT - 1);
  }

  private static int find(byte[] key, char what, int from) {
    for (int i = from; i < key.length; i++) {
      if (key[i] == what) {
        return i;
      }
    }
    return -1;
  }
}
