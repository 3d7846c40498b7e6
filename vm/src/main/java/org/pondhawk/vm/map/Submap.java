package org.pondhawk.vm.map;

/// Content of a map entry whose range has a map of its own (`vm_map_submap`). It stays for as long
/// as the space.
///
/// @param start the first address
/// @param end the address behind the last
/// @param map whose map it is: a space that shares the page table
public record Submap(long start, long end, Space map) implements EntryContent {
  @Override
  public String toString() {
    return "submap " + map.id();
  }
}
