package org.pondhawk.vm.map;

/// Content of a map entry whose pages come from a callback instead of an object (`UKSMAP`): no page
/// of it is ever paged, copied, merged or wired.
///
/// Never changed: a split makes new ones, each with the index of its own first page.
///
/// @param start the first address
/// @param end the address behind the last
/// @param supplier who supplies the pages
/// @param firstPindex the supplier's number of the page at `start`
/// @param space the address space
public record SuppliedRange(
    long start, long end, PageSupplier supplier, long firstPindex, Space space)
    implements EntryContent {
  /// The supplier's number of the page at an address.
  public long pindex(long address) {
    return firstPindex + ((address - start) >>> space.pageShift());
  }

  /// How many pages it has.
  public long pageCount() {
    return (end - start) >>> space.pageShift();
  }

  /// The part of it that lies in a smaller range.
  SuppliedRange part(long partStart, long partEnd) {
    return new SuppliedRange(partStart, partEnd, supplier, pindex(partStart), space);
  }

  /// The same in another address space.
  SuppliedRange in(Space other) {
    return new SuppliedRange(start, end, supplier, firstPindex, other);
  }

  @Override
  public String toString() {
    return "%s from page %d".formatted(supplier, firstPindex);
  }
}
