package org.pondhawk.vm.pmap;

/// How the entries of a page table are found.
public enum TableForm {
  /// Linear if the table is not too large for that and the kernel grants the addresses, else in two
  /// levels.
  AUTO,

  /// One array over the whole range of the space.
  LINEAR,

  /// A directory, and one piece for each region that was ever used.
  TWO_LEVEL
}
