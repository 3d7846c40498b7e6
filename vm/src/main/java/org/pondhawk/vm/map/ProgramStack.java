package org.pondhawk.vm.map;

import java.util.List;
import org.pondhawk.vm.sync.VmThread;

/// The stack that a program begins with, at the end of its address space (`exec_new_vmspace`).
///
/// All of it is mapped at once: what nobody has touched takes nothing but addresses.
///
/// **Contract.** The space is the caller's alone.
public final class ProgramStack {
  /// The longest stack, in bytes.
  public static final long MOST_BYTES = 512L << 20;

  /// The share of a small range that a stack gets at most.
  private static final int SHARE = 4;

  private ProgramStack() {}

  /// The lowest address that the stack of a space may have (`vm_maxsaddr`).
  ///
  /// @return a multiple of the page size
  public static long limit(Space space) {
    long range = space.map().range();
    return range - Math.min(MOST_BYTES, range / SHARE);
  }

  /// Maps an empty stack in the place of whatever lies there. Waits as [Space#unmap].
  public static void map(VmThread self, Space space) {
    long limit = limit(space);
    EntryTraits traits = EntryTraits.of(Access.READ | Access.WRITE).withSubsystem(Subsystem.STACK);
    space.mapper().replace(self, limit, space.map().range() - limit, traits, null);
  }

  /// Unmaps the stack of another program, of which the space is a copy. Waits as [Space#unmap].
  public static void remove(VmThread self, Space space) {
    List<MapEntry> top = space.withMapShared(m -> m.overlapping(limit(space), m.range()));
    for (MapEntry entry : top) {
      if (entry.traits().subsystem() == Subsystem.STACK) {
        space.unmap(self, entry.start(), entry.end());
      }
    }
  }
}
