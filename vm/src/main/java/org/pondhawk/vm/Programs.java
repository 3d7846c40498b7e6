package org.pondhawk.vm;

import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.ProgramStack;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.sync.VmThread;

/// Makes the address spaces that programs begin in (`vmspace_exec`, `exec_new_vmspace`).
final class Programs {
  private final Machine machine;

  Programs(Machine machine) {
    this.machine = machine;
  }

  /// An empty space.
  ///
  /// @param range the number of addresses
  Space empty(VmThread self, long range, InitialStack stack) {
    Space made = machine.newSpace(range);
    return prepared(self, made, () -> mapStack(self, made, stack));
  }

  /// A copy of another space as of now, without its stack and without the segments that are
  /// attached to it, as a program that begins anew has none.
  Space copy(VmThread self, SpaceHandle image, InitialStack stack) {
    Space from = image.hold();
    try {
      return copy(self, from, stack);
    } finally {
      machine.dropSpace(from);
    }
  }

  /// The same of a space that somebody keeps.
  Space copy(VmThread self, Space from, InitialStack stack) {
    Space made = machine.fork(self, from);
    return prepared(
        self,
        made,
        () -> {
          machine.segments().detachAll(self, made);
          ProgramStack.remove(self, made);
          mapStack(self, made, stack);
        });
  }

  private static void mapStack(VmThread self, Space made, InitialStack stack) {
    if (stack == InitialStack.MAPPED) {
      ProgramStack.map(self, made);
    }
  }

  private Space prepared(VmThread self, Space made, Runnable preparation) {
    boolean done = false;
    try {
      preparation.run();
      done = true;
      return made;
    } finally {
      if (!done) {
        machine.closeSpace(self, made);
      }
    }
  }
}
