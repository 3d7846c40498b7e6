package org.pondhawk.vm.pager;

/// Memory that is not the machine's and is to be shown in address spaces, as a driver knows it
/// (`cdev_pager_ops`).
public interface DeviceMemory {
  /// Where the page at an offset lies (`cdev_pg_fault`). Called with no lock held but the object's
  /// token; does not block.
  ///
  /// @param offset a multiple of the page size, within the size
  /// @return the address, a multiple of the page size, of a whole page that stays accessible until
  ///   the machine is closed; or -1 if there is none
  long addressOf(long offset);

  /// Is called once, when nothing shows the memory any more (`cdev_pg_dtor`).
  default void end() {}
}
