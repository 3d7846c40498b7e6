package org.pondhawk.cli;

/// What the program tells its caller when it ends.
final class ExitStatus {
  /// Nothing was wrong.
  static final int GOOD = 0;

  /// A byte or an invariant was wrong, or the run failed.
  static final int WRONG = 1;

  /// The command line, or something that it names, cannot be used. Nothing was run.
  static final int BAD_USAGE = 2;

  private ExitStatus() {}
}
