package org.pondhawk.vm;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.sync.VmThread;

/// Lends thread records to calls that come from outside without a view, and halts the machine when
/// one of them meets a broken invariant.
final class EdgeThreads {
  private final Machine machine;
  private final ConcurrentLinkedQueue<VmThread> idle = new ConcurrentLinkedQueue<>();

  EdgeThreads(Machine machine) {
    this.machine = machine;
  }

  /// Runs a call inside the machine.
  void run(Consumer<VmThread> call) {
    if (!tryRun(call)) {
      throw new IllegalStateException("the machine is closed");
    }
  }

  /// Runs a call inside the machine, whose memory stays meanwhile; false if it is closed.
  boolean tryRun(Consumer<VmThread> call) {
    if (!machine.retain()) {
      return false;
    }
    try {
      enter(call);
    } finally {
      machine.release();
    }
    return true;
  }

  private void enter(Consumer<VmThread> call) {
    @Nullable VmThread polled = idle.poll();
    VmThread self = polled == null ? machine.newThread("call") : polled;
    try {
      call.accept(self);
      idle.add(self);
    } catch (VmPanic | AssertionError broken) {
      machine.halt(broken);
      throw broken;
    }
  }
}
