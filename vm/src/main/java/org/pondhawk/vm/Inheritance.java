package org.pondhawk.vm;

/// What a forked address space gets of a mapped range.
public enum Inheritance {
  /// The same memory: each sees what the other stores.
  SHARE(org.pondhawk.vm.map.Inheritance.SHARE),
  /// A copy as of the fork, made page by page when one of them stores.
  COPY(org.pondhawk.vm.map.Inheritance.COPY),
  /// Nothing: the range is not mapped in the child.
  NONE(org.pondhawk.vm.map.Inheritance.NONE);

  final org.pondhawk.vm.map.Inheritance internal;

  Inheritance(org.pondhawk.vm.map.Inheritance internal) {
    this.internal = internal;
  }
}
