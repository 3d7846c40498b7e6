package org.pondhawk.vm.sync;

/// Wait channels for many things that are seldom waited for, as pages: hashed, so a wakeup may wake
/// sleepers of a neighbour too, which test again.
public final class WaitTable {
  private static final int CHANNELS = 256;

  private final WaitChannel[] channels = new WaitChannel[CHANNELS];

  /// Makes a table.
  ///
  /// @param reason what its sleepers wait for, for diagnostics
  public WaitTable(String reason) {
    for (int i = 0; i < CHANNELS; i++) {
      channels[i] = new WaitChannel(reason);
    }
  }

  /// The channel of a thing.
  ///
  /// @param key the thing's number
  /// @return the channel that its sleepers and its wakers share
  public WaitChannel of(long key) {
    long mixed = key * 0x9E3779B97F4A7C15L;
    return channels[(int) (mixed >>> 56)];
  }
}
