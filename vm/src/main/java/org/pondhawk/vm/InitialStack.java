package org.pondhawk.vm;

/// What an address space has of a stack when a program begins in it.
public enum InitialStack {
  /// None.
  NONE,
  /// An empty one at the end of the range, in the place of what a copied space has there: 512 MiB,
  /// or a quarter of a range smaller than that takes.
  MAPPED
}
