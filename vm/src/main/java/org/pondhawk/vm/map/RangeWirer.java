package org.pondhawk.vm.map;

import org.pondhawk.vm.sync.VmThread;

/// The port through which [Wiring] has pages of wired ranges brought in (`vm_fault_wire`).
public interface RangeWirer {
  /// Requires that so many more pages may be wired (`vm_page_max_wired`).
  ///
  /// @throws org.pondhawk.vm.error.OutOfPagesException if not
  void requireRoom(long pageCount);

  /// Brings the pages of a wired range in and wires each, ready for every access that is said to
  /// follow. Waits for memory and I/O. The map is not locked.
  ///
  /// @param start the first address
  /// @param end the address behind the last
  /// @param access the most that is allowed, of [Access]: READ or WRITE
  /// @throws org.pondhawk.vm.error.AccessViolationException if the range was unmapped meanwhile, or
  ///   does not allow it
  void wire(VmThread self, Space space, long start, long end, int access);
}
