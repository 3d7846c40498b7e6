package org.pondhawk.vm.fault;

/// What an attempt at a fault came to.
enum Outcome {
  /// Mapped, without I/O.
  MINOR,
  /// Mapped, or on the way to it, after a read.
  MAJOR,
  /// Read into a deeper object; the next attempt finds it there.
  READ_BENEATH,
  /// Somebody else was at work on the page; the attempt has waited.
  AGAIN,
  /// Nobody has touched the range before: it needs an object.
  UNTOUCHED,
  /// Nothing is mapped there, but a stack may grow down to it.
  BELOW_STACK,
  /// The range needs an object of its own before it is stored into.
  SHADOW,
  /// The range has a map of its own, and the answer is there.
  SUBMAP,
  /// Stores into the space wait until it is thawed.
  FROZEN,
  /// There was no page to be had.
  NO_MEMORY
}
