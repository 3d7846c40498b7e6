package org.pondhawk.vm.map;

/// What a map entry shows, once that is settled (`vm_maptype_t`, the union of `vm_map_backing`). An
/// entry without any shows zeros that nobody has touched.
///
/// An entry with any content but none may have mappings: whoever takes its range away waits for a
/// grace period.
public sealed interface EntryContent permits Backing, SuppliedRange, Submap {
  /// The first address.
  long start();

  /// The address behind the last.
  long end();
}
