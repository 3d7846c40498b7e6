package org.pondhawk.vm.sync;

import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.MachineHaltedException;

/// Whether the machine still runs: the first broken invariant throws the switch, and it stays
/// thrown.
public final class HaltSwitch {
  private final AtomicReference<@Nullable Throwable> cause = new AtomicReference<>();

  /// Makes a switch that is not thrown.
  public HaltSwitch() {}

  /// Halts the machine; only the first cause is kept.
  ///
  /// @param why what broke
  public void halt(Throwable why) {
    cause.compareAndSet(null, why);
  }

  /// Whether the machine is halted.
  ///
  /// @return true once it is
  public boolean isHalted() {
    return cause.get() != null;
  }

  /// What halted the machine.
  ///
  /// @return the first cause, or null while it runs
  public @Nullable Throwable cause() {
    return cause.get();
  }

  /// Lets the caller pass while the machine runs.
  public void check() {
    Throwable why = cause.get();
    if (why != null) {
      throw new MachineHaltedException(why);
    }
  }
}
