package org.pondhawk.vm.mem;

import java.util.function.IntSupplier;

/// The processors of a machine, and which of them the caller is on.
///
/// @param topology which there are
/// @param cpu the kernel's number of the processor that the calling thread runs on; stale at once
public record Processors(Topology topology, IntSupplier cpu) {
  /// The processors of a topology, with threads on whichever the kernel lets them run.
  public static Processors of(Topology topology) {
    return new Processors(topology, Linux::currentCpu);
  }

  /// How many there are.
  public int count() {
    return topology.processors();
  }

  /// The processor that the calling thread is counted to (`mycpu`): a hint, since it may be moved
  /// at any time.
  ///
  /// @param seat as for [Topology#processorFor]
  /// @return from 0 to [#count] - 1
  public int current(int seat) {
    return topology.processorFor(cpu.getAsInt(), seat);
  }
}
