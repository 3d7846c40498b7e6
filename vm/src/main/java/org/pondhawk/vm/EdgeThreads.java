package org.pondhawk.vm;

import java.io.UncheckedIOException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.SharedMemoryException;
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

  /// Runs a call inside the machine, whose memory stays meanwhile.
  void run(Consumer<VmThread> call) {
    if (!tryRun(call)) {
      throw closed();
    }
  }

  /// As [#run]; false if the machine is closed.
  boolean tryRun(Consumer<VmThread> call) {
    if (!machine.retain()) {
      return false;
    }
    enter(self -> {
      call.accept(self);
      return true;
    });
    return true;
  }

  /// As [#run], for a call that has a result.
  <T> T call(Function<VmThread, T> call) {
    if (!machine.retain()) {
      throw closed();
    }
    return enter(call);
  }

  private static IllegalStateException closed() {
    return new IllegalStateException("the machine is closed");
  }

  /// What callers may get without anything being broken: anything else may have left something
  /// behind.
  private static boolean isExpected(Throwable t) {
    return switch (t) {
      case VmPanic _ -> false;
      case IllegalStateException _, IllegalArgumentException _ -> true;
      case SharedMemoryException _,
          AccessViolationException _,
          OutOfPagesException _,
          UncheckedIOException _ ->
          true;
      default -> false;
    };
  }

  private <T> T enter(Function<VmThread, T> call) {
    try {
      @Nullable VmThread polled = idle.poll();
      VmThread self = polled == null ? machine.newThread("call") : polled;
      self.relocate();
      T result = call.apply(self);
      idle.add(self);
      return result;
    } catch (Throwable t) {
      if (!isExpected(t)) {
        machine.halt(t);
      }
      throw t;
    } finally {
      machine.release();
    }
  }
}
