package org.pondhawk.vm;

import java.util.Objects;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;

/// A view of a space whose page table has two levels.
final class TwoLevelView extends View {
  private static final int ENTRIES_PER_PIECE = 512;

  /// The address of the first directory word.
  private long directory;

  private TwoLevelView(Machine machine, Space space) {
    super(machine, space);
    this.directory = space.pmap().directory();
  }

  static View of(Machine machine, Space space) {
    return new TwoLevelView(machine, space);
  }

  @Override
  long slot(long address) {
    // Opaque is enough: a word is 0 or the one place that the piece ever has, and both are right at
    // any time; what stands at the place is read through the word, so after it.
    long piece = RawMemory.getLongOpaque(directory + (address >>> regionShift) * Long.BYTES);
    long entry = (address >>> pageShift) & (ENTRIES_PER_PIECE - 1);
    return Objects.checkIndex(table + piece + entry * Long.BYTES, END_OF_MEMORY); // see LinearView
  }

  @Override
  void endTables(long zeros) {
    super.endTables(zeros);
    directory = zeros;
  }
}
