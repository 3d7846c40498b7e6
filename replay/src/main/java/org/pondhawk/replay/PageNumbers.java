package org.pondhawk.replay;

import java.util.Arrays;

/// A set of page numbers that gives each an id, counted from 0 in the order of arrival.
///
/// It is a hash table of ids with open addressing: no object per page, and no boxing.
final class PageNumbers {
  private static final int NONE = -1;

  private long[] numbers = new long[64];
  private int[] table = emptyTable(128);
  private int count;

  /// The id of a page number, a new one if it was not known.
  int idOf(long number) {
    int slot = slotOf(number);
    if (table[slot] != NONE) {
      return table[slot];
    }
    if (count == numbers.length) {
      grow();
      slot = slotOf(number);
    }
    numbers[count] = number;
    table[slot] = count;
    return count++;
  }

  long get(int id) {
    return numbers[id];
  }

  int count() {
    return count;
  }

  private int slotOf(long number) {
    int mask = table.length - 1;
    int slot = (int) Mix.mix(number) & mask;
    while (table[slot] != NONE && numbers[table[slot]] != number) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private void grow() {
    numbers = Arrays.copyOf(numbers, 2 * numbers.length);
    table = emptyTable(2 * table.length);
    for (int id = 0; id < count; id++) {
      table[slotOf(numbers[id])] = id;
    }
  }

  private static int[] emptyTable(int slots) {
    int[] table = new int[slots];
    Arrays.fill(table, NONE);
    return table;
  }
}
