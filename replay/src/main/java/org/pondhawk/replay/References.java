package org.pondhawk.replay;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A long list of ints in blocks, so that it grows without copying and a loop runs over arrays.
final class References {
  private static final int BLOCK_SHIFT = 16;

  /// How many references a full block has.
  static final int BLOCK = 1 << BLOCK_SHIFT;

  private final List<int[]> blocks = new ArrayList<>();
  private int[] last = new int[0];
  private int used;

  /// Appends a reference.
  void add(int reference) {
    if (used == last.length) {
      grow();
    }
    last[used++] = reference;
  }

  /// Full blocks follow each other; only the first one starts small, for the many small traces.
  private void grow() {
    if (last.length == BLOCK || blocks.isEmpty()) {
      last = new int[blocks.isEmpty() ? 64 : BLOCK];
      used = 0;
      blocks.add(last);
      return;
    }
    last = Arrays.copyOf(last, Math.min(BLOCK, last.length * 4));
    blocks.set(blocks.size() - 1, last);
  }

  long count() {
    return blocks.isEmpty() ? 0 : ((long) (blocks.size() - 1) << BLOCK_SHIFT) + used;
  }

  int get(long index) {
    if (index < 0 || index >= count()) {
      throw new IndexOutOfBoundsException("reference " + index + " of " + count());
    }
    return blocks.get((int) (index >>> BLOCK_SHIFT))[(int) index & (BLOCK - 1)];
  }

  int blockCount() {
    return blocks.size();
  }

  /// The block itself, not a copy: its first [#lengthOf] ints are references.
  int[] block(int block) {
    return blocks.get(block);
  }

  int lengthOf(int block) {
    return block == blocks.size() - 1 ? used : BLOCK;
  }
}
