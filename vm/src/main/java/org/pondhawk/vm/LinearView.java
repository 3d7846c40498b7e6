package org.pondhawk.vm;

import java.util.Objects;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Space;

/// A view of a space whose page table is one array. While no other kind of view was ever made the
/// compiler knows that every view is one of these.
final class LinearView extends View {
  private LinearView(Machine machine, Space space) {
    super(machine, space);
  }

  static View of(Machine machine, Space space) {
    return new LinearView(machine, space);
  }

  @Override
  long slot(long address) {
    // The check never fails. It tells the compiler what both loads of the entry would ask again.
    return Objects.checkIndex(table + (address >>> pageShift) * Long.BYTES, END_OF_MEMORY);
  }
}
