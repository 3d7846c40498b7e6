package org.pondhawk.vm.object;

import org.pondhawk.vm.sync.VmThread;

/// A sparse, ordered map from an index in an object to a number, as the page or the swap block
/// there.
///
/// A radix tree of 32-way nodes from [RadixNodes]; a leaf of it over swap blocks is the reference's
/// `swblock`. What a lookup costs depends on the size of the object, not on what is in it.
///
/// **Contract.** Guarded by the object's token: exclusive to change, shared to read. Only [#peek]
/// needs nothing, and promises as much.
public final class IntRadix {
  /// No value.
  public static final int NONE = -1;

  /*
   * height 0 is the empty tree. A tree of height h covers indexes below 32^h; it grows at the root. A
   * slot is 0 for nothing, else the child node or the value plus one.
   */
  private final RadixNodes nodes;
  private int root = RadixNodes.NONE;
  private int height;
  private long size;
  private int changes;

  /// Makes an empty map.
  public IntRadix(RadixNodes nodes) {
    this.nodes = nodes;
  }

  /// How many indexes have a value.
  public long size() {
    return size;
  }

  /// How often an index got a value or lost one; wraps.
  int changes() {
    return changes;
  }

  /// The value at an index, or [#NONE].
  public int get(long index) {
    if (beyond(index)) {
      return NONE;
    }
    int node = root;
    for (int level = height - 1; level > 0; level--) {
      node = nodes.get(node, slot(index, level)) - 1;
      if (node < 0) {
        return NONE;
      }
    }
    return nodes.get(node, slot(index, 0)) - 1;
  }

  /// What seems to be the value at an index, without the token: anything while others change the
  /// tree, or what was true a moment ago.
  public int peek(long index) {
    int levels = height;
    if (levels == 0 || index >>> (levels * RadixNodes.LG_FANOUT) != 0) {
      return NONE;
    }
    int node = root;
    for (int level = levels - 1; level > 0 && node >= 0; level--) {
      node = nodes.peek(node, slot(index, level)) - 1;
    }
    return node < 0 ? NONE : nodes.peek(node, slot(index, 0)) - 1;
  }

  /// Gives an index a value.
  ///
  /// @param index from 0
  /// @param value from 0
  /// @return false if a node was needed and none was to be had: nothing is changed then
  public boolean put(VmThread self, long index, int value) {
    if (!growTo(self, index)) {
      return false;
    }
    int node = root;
    for (int level = height - 1; level > 0; level--) {
      int child = nodes.get(node, slot(index, level)) - 1;
      if (child < 0) {
        child = nodes.take(self);
        if (child == RadixNodes.NONE) {
          prune(index);
          return false;
        }
        nodes.set(node, slot(index, level), child + 1);
      }
      node = child;
    }
    if (nodes.get(node, slot(index, 0)) == 0) {
      size++;
    }
    nodes.set(node, slot(index, 0), value + 1);
    changes++;
    return true;
  }

  private boolean growTo(VmThread self, long index) {
    if (height == 0) { // at once: growing an empty root would leave an empty path to index 0
      root = nodes.take(self);
      height = root == RadixNodes.NONE ? 0 : levelsFor(index);
      return height > 0;
    }
    while (beyond(index)) {
      int top = nodes.take(self);
      if (top == RadixNodes.NONE) {
        prune(0);
        return false;
      }
      nodes.set(top, 0, root + 1);
      root = top;
      height++;
    }
    return true;
  }

  private static int levelsFor(long index) {
    int bits = Long.SIZE - Long.numberOfLeadingZeros(index);
    return Math.max(1, (bits + RadixNodes.LG_FANOUT - 1) / RadixNodes.LG_FANOUT);
  }

  /// Takes the value of an index away.
  ///
  /// @return the value it had, or [#NONE]
  public int remove(long index) {
    int value = get(index);
    if (value != NONE) {
      nodes.set(leafOf(index), slot(index, 0), 0);
      size--;
      changes++;
      prune(index);
    }
    return value;
  }

  /// Whether an index needs no node of its own where another one has a value.
  public static boolean inSameLeaf(long index, long other) {
    return index >>> RadixNodes.LG_FANOUT == other >>> RadixNodes.LG_FANOUT;
  }

  private int leafOf(long index) {
    int node = root;
    for (int level = height - 1; level > 0; level--) {
      node = nodes.get(node, slot(index, level)) - 1;
    }
    return node;
  }

  /// Gives back the empty nodes on the path to an index, from the leaf up.
  private void prune(long index) {
    if (height > 0 && pruneBelow(root, height - 1, index)) {
      nodes.free(root);
      root = RadixNodes.NONE;
      height = 0;
    }
  }

  private boolean pruneBelow(int node, int level, long index) {
    if (level > 0) {
      int slot = slot(index, level);
      int child = nodes.get(node, slot) - 1;
      if (child >= 0 && pruneBelow(child, level - 1, index)) {
        nodes.free(child);
        nodes.set(node, slot, 0);
      }
    }
    return nodes.isEmpty(node);
  }

  /// The first index from `index` on that has a value, or -1.
  public long next(long index) {
    return beyond(index) ? -1 : nextBelow(root, height - 1, index, 0);
  }

  private long nextBelow(int node, int level, long from, long prefix) {
    for (int slot = slot(from, level); slot < RadixNodes.FANOUT; slot++) {
      int entry = nodes.get(node, slot);
      long start = prefix | ((long) slot << (level * RadixNodes.LG_FANOUT));
      if (entry != 0) {
        if (level == 0) {
          return start;
        }
        long found = nextBelow(entry - 1, level - 1, Math.max(from, start), start);
        if (found >= 0) {
          return found;
        }
      }
      from = Math.max(from, start + (1L << (level * RadixNodes.LG_FANOUT)));
    }
    return -1;
  }

  /// What is done with one value.
  interface ValueVisitor {
    /// Returns from 0, to be added up, or less to end it.
    int visit(int value, long index);
  }

  /// Calls back for the values of a range, in order, while the map stays as it is.
  ///
  /// @return the sum of the results, or the first below 0
  long forEach(long first, long last, ValueVisitor visitor) {
    return beyond(first) ? 0 : forEachBelow(root, height - 1, first, last, 0, visitor);
  }

  private long forEachBelow(
      int node, int level, long first, long last, long prefix, ValueVisitor visitor) {
    long sum = 0;
    for (int slot = slot(first, level); slot < RadixNodes.FANOUT; slot++) {
      long start = prefix | ((long) slot << (level * RadixNodes.LG_FANOUT));
      if (start > last) {
        break;
      }
      int entry = nodes.get(node, slot);
      long result = 0;
      if (entry != 0) {
        result =
            level == 0
                ? visitor.visit(entry - 1, start)
                : forEachBelow(entry - 1, level - 1, Math.max(first, start), last, start, visitor);
      }
      if (result < 0) {
        return result;
      }
      sum += result;
      first = Math.max(first, start + (1L << (level * RadixNodes.LG_FANOUT)));
    }
    return sum;
  }

  private boolean beyond(long index) {
    return height == 0 || index >>> (height * RadixNodes.LG_FANOUT) != 0;
  }

  private static int slot(long index, int level) {
    return (int) (index >>> (level * RadixNodes.LG_FANOUT)) & (RadixNodes.FANOUT - 1);
  }
}
