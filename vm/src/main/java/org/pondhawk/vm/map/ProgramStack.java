package org.pondhawk.vm.map;

import org.pondhawk.vm.sync.VmThread;

/// The stack that a program begins with, at the end of its address space (`exec_new_vmspace`).
///
/// All of it is mapped at once: what nobody has touched takes nothing but addresses.
public final class ProgramStack {
  /// The longest stack, in bytes (`maxssiz`).
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

  /// Maps a stack. Nothing is mapped where it comes to lie: the space is new, or was emptied by
  /// [#remove].
  ///
  /// @throws IllegalStateException if something is, or the space is closed
  public static void map(Space space) {
    long limit = limit(space);
    long end = space.map().range();
    EntryTraits traits = EntryTraits.of(Access.READ | Access.WRITE).withSubsystem(Subsystem.STACK);
    if (space.mapper().map(new Placement.Free(limit), end - limit, traits, null) < 0) {
      throw new IllegalStateException("space %d has no room for a stack".formatted(space.id()));
    }
    space.changeLayout(layout -> layout.withStack(limit, end, end - limit));
  }

  /// Unmaps what lies where a stack would, and forgets the stack. Waits as [Space#unmap].
  public static void remove(VmThread self, Space space) {
    space.unmap(self, limit(space), space.map().range());
    space.changeLayout(layout -> layout.withStack(0, 0, 0));
  }
}
