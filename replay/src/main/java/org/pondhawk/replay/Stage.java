package org.pondhawk.replay;

/// The stages of a replay. All processes go through them together.
public enum Stage {
  /// Pages that are read before they are written get their content.
  PRELOAD,
  /// The traces run.
  REPLAY,
  /// Every byte of every page is checked.
  CHECK,
  /// The machine has been examined; the address spaces are closed.
  CLOSE
}
