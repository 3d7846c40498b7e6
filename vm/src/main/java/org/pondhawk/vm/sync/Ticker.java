package org.pondhawk.vm.sync;

/// The clock of a machine. A test moves its own.
@FunctionalInterface
public interface Ticker {
  /// The time since some fixed moment.
  ///
  /// @return nanoseconds, never decreasing
  long nanos();

  /// The clock of the operating system.
  ///
  /// @return a ticker that really ticks
  static Ticker system() {
    return System::nanoTime;
  }
}
