package org.pondhawk.vm;

/// What an address space has of a stack when a program begins in it.
public enum InitialStack {
  /// None.
  NONE,
  /// An empty one at the end of the range, of `kern.maxssiz` bytes at most.
  MAPPED
}
