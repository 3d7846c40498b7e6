package org.pondhawk.vm.swap;

import java.io.IOException;

/// Transfers between frames and runs of swap blocks: what [SwapFile] does, and what a test may make
/// fail.
public interface SwapIo {
  /// Reads `count` blocks from `block` on into the frames at the first `count` of the addresses.
  void readRun(int block, long[] frameAddresses, int count) throws IOException;

  /// Writes the frames at the first `count` of the addresses to `count` blocks from `block` on.
  void writeRun(int block, long[] frameAddresses, int count) throws IOException;
}
