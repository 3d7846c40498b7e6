package org.pondhawk.vm.object;

import org.pondhawk.vm.sync.VmThread;

/// Who decides what becomes of an object that loses its last reference.
interface ObjectKeeper {
  /// Gives a reference back. May block.
  void release(VmThread self, VmObject object);
}
