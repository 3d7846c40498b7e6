package org.pondhawk.vm.mem;

import java.util.BitSet;

/// The kernel's way to write a set of numbers: ranges and single ones, as in `0-3,8,10-11`.
final class CpuList {
  private static final int MAX = 1 << 16;

  private CpuList() {}

  /// Reads a list.
  ///
  /// @param text may be empty, or end in a line end
  /// @throws IllegalArgumentException if it is no such list
  static BitSet parse(String text) {
    BitSet set = new BitSet();
    String list = text.strip();
    if (list.isEmpty()) {
      return set;
    }
    for (String part : list.split(",", -1)) {
      int dash = part.indexOf('-');
      int from = number(dash < 0 ? part : part.substring(0, dash), list);
      int to = dash < 0 ? from : number(part.substring(dash + 1), list);
      if (to < from) {
        throw odd(list);
      }
      set.set(from, to + 1);
    }
    return set;
  }

  private static int number(String digits, String list) {
    try {
      int number = Integer.parseInt(digits);
      if (number >= 0 && number < MAX) {
        return number;
      }
    } catch (NumberFormatException _) {
      // said below
    }
    throw odd(list);
  }

  private static IllegalArgumentException odd(String list) {
    return new IllegalArgumentException("'" + list + "' is no list of numbers");
  }
}
