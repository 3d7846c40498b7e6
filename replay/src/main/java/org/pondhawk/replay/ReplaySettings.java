package org.pondhawk.replay;

/// What a replay ran on.
///
/// @param memoryBytes the physical memory of the machine, its own structures included
/// @param swapBytes the size of the swap file
/// @param pageSize the bytes of a page
/// @param cpus the CPUs that the machine was made for
/// @param topology their sockets, cores and threads, as in `2x8x2`; only their number if unknown
/// @param seed what the bytes depend on
public record ReplaySettings(
    long memoryBytes, long swapBytes, int pageSize, int cpus, String topology, long seed) {
  /// Whether more than the number of CPUs is known.
  public boolean hasTopology() {
    return topology.indexOf('x') >= 0;
  }
}
