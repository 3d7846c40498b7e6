package org.pondhawk.bench;

/// A loop to be timed.
interface Work extends AutoCloseable {
  /// Runs operations.
  ///
  /// @param seed where the walk begins, so that turns differ and sides of a turn do not
  /// @return something that depends on every operation, so that none can be left out
  long run(long seed, int operations);

  @Override
  default void close() {}
}
