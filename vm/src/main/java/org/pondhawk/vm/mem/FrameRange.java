package org.pondhawk.vm.mem;

/// Frames that follow each other and belong to one memory node.
///
/// @param first the number of the first frame
/// @param count how many there are, from 1
/// @param node whose they are
public record FrameRange(int first, int count, MemoryNode node) {
  /// The number of the first frame behind them.
  public int end() {
    return first + count;
  }
}
