package org.pondhawk.vm;

import java.util.Arrays;

/// What a copy does with elements of an array whose type it does not know: the few that lie across
/// two pages, and those that must be wiped.
final class ArrayElement {
  private ArrayElement() {}

  /// Loads one element.
  static void load(ScalarAccess view, long address, Object to, int index) {
    switch (to) {
      case byte[] array -> array[index] = view.getByte(address);
      case short[] array -> array[index] = view.getShort(address);
      case int[] array -> array[index] = view.getInt(address);
      case long[] array -> array[index] = view.getLong(address);
      case float[] array -> array[index] = view.getFloat(address);
      case double[] array -> array[index] = view.getDouble(address);
      default -> throw unknown(to);
    }
  }

  /// Stores one element.
  static void store(ScalarAccess view, long address, Object from, int index) {
    switch (from) {
      case byte[] array -> view.putByte(address, array[index]);
      case short[] array -> view.putShort(address, array[index]);
      case int[] array -> view.putInt(address, array[index]);
      case long[] array -> view.putLong(address, array[index]);
      case float[] array -> view.putFloat(address, array[index]);
      case double[] array -> view.putDouble(address, array[index]);
      default -> throw unknown(from);
    }
  }

  /// Zeroes elements.
  static void wipe(Object to, int index, int count) {
    int end = index + count;
    switch (to) {
      case byte[] array -> Arrays.fill(array, index, end, (byte) 0);
      case short[] array -> Arrays.fill(array, index, end, (short) 0);
      case int[] array -> Arrays.fill(array, index, end, 0);
      case long[] array -> Arrays.fill(array, index, end, 0);
      case float[] array -> Arrays.fill(array, index, end, 0);
      case double[] array -> Arrays.fill(array, index, end, 0);
      default -> throw unknown(to);
    }
  }

  private static AssertionError unknown(Object array) {
    return new AssertionError("no array that a view copies: " + array.getClass());
  }
}
