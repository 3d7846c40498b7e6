package org.pondhawk.vm;

import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.function.Function;
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
    call(self -> {
      call.accept(self);
      return true;
    });
  }

  /// Runs a call inside the machine that has a result.
  <T> T call(Function<VmThread, T> call) {
    @Nullable VmThread polled = idle.poll();
    VmThread self = polled == null ? machine.newThread("call") : polled;
    try {
      T result = call.apply(self);
      idle.add(self);
      return result;
    } catch (VmPanic | AssertionError broken) {
      machine.halt(broken);
      throw broken;
    }
  }
}
