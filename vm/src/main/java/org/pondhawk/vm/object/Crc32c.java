package org.pondhawk.vm.object;

/// CRC-32C of a number of 8 bytes, the lowest first, without an object for it.
final class Crc32c {
  private static final int POLYNOMIAL = 0x82f6_3b78; // of Castagnoli, the lowest bit first
  private static final int[] TABLE = table();

  private Crc32c() {}

  private static int[] table() {
    int[] table = new int[256];
    for (int n = 0; n < table.length; n++) {
      int rest = n;
      for (int bit = 0; bit < Byte.SIZE; bit++) {
        rest = (rest & 1) == 0 ? rest >>> 1 : (rest >>> 1) ^ POLYNOMIAL;
      }
      table[n] = rest;
    }
    return table;
  }

  static int of(long value) {
    int crc = ~0;
    for (int shift = 0; shift < Long.SIZE; shift += Byte.SIZE) {
      crc = (crc >>> Byte.SIZE) ^ TABLE[(crc ^ (int) (value >>> shift)) & 0xff];
    }
    return ~crc;
  }
}
