package org.pondhawk.vm.object;

/// A range of an address space that shows a range of an object: what a reverse scan walks over.
public interface Attachment {
  /// The first address.
  long start();

  /// The address behind the last one.
  long end();

  /// The index in the object of the page at the first address.
  long firstPindex();

  /// The page table of the address space.
  Translations translations();
}
