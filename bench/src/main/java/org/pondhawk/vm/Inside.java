package org.pondhawk.vm;

import org.jspecify.annotations.NullMarked;
import org.pondhawk.vm.boot.Machine;

/// The way into a machine for measurements, which need its page tables and its grace periods. Works
/// on the class path only, where packages are not sealed.
@NullMarked
public final class Inside {
  private Inside() {}

  /// The parts of a machine.
  public static Machine of(VirtualMemory vm) {
    return vm.machine();
  }
}
