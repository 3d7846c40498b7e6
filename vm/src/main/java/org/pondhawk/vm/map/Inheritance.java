package org.pondhawk.vm.map;

/// What a child gets of a mapped range when its parent forks (`VM_INHERIT_*`).
public enum Inheritance {
  /// The same memory: each sees what the other stores.
  SHARE,
  /// A copy as of the fork, made page by page when one of them stores.
  COPY,
  /// Nothing: the range is not mapped in the child.
  NONE
}
