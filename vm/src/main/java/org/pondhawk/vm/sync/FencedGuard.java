package org.pondhawk.vm.sync;

import java.lang.invoke.VarHandle;

/// A guard whose owner pays for the fence, where the kernel has no `membarrier`.
///
/// A class of its own, so that the others do not ask at every access.
final class FencedGuard extends Guard {
  FencedGuard() {}

  @Override
  public void enter() {
    super.enter();
    VarHandle.fullFence();
  }
}
