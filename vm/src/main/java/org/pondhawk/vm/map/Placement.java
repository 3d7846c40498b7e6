package org.pondhawk.vm.map;

/// Where a new mapping is to lie.
public sealed interface Placement {
  /// The first place from an address on where it fits (`vm_map_findspace`).
  ///
  /// @param hint where the search begins
  /// @param alignment a power of two, at least the page size
  /// @param limit the address behind the last that will do
  record Anywhere(long hint, long alignment, long limit) implements Placement {}

  /// At an address, where nothing is mapped (`MAP_TRYFIXED`).
  ///
  /// @param start the first address
  record Free(long start) implements Placement {}

  /// At an address, in the place of whatever is mapped there (`MAP_FIXED`).
  ///
  /// @param start the first address
  record Replacing(long start) implements Placement {}
}
