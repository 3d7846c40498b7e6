package org.pondhawk.vm;

/// What of a space is to stay in memory (`MCL_CURRENT`, `MCL_FUTURE`).
public enum WireScope {
  /// What is mapped now.
  CURRENT,
  /// What will be mapped.
  FUTURE,
  /// Both.
  ALL
}
