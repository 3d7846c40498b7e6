package org.pondhawk.vm.fault;

import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.IntStack;
import org.pondhawk.vm.sync.VmThread;

/// The pages of a range, held for a transfer to or from their frames that takes no part in the
/// address space (`vm_fault_page` for each, as for `vm_fault_quick_hold_pages`).
///
/// **Contract.** The frames keep their bytes until [#close], whatever becomes of the range: who
/// unmaps it or writes it out does not wait, and who stores into a shared page stores beside it.
/// What was held to be changed is dirty after [#close], so that what the transfer brought is never
/// lost. Belongs to one thread at a time; [#close] may wait for a page that is busy.
public final class HeldPages implements AutoCloseable {
  private final PageParts parts;
  private final PageAllocator allocator;
  private final VmThread self;
  private final boolean changed;
  private final IntStack held = new IntStack();

  HeldPages(PageParts parts, PageAllocator allocator, VmThread self, boolean changed) {
    this.parts = parts;
    this.allocator = allocator;
    this.self = self;
    this.changed = changed;
  }

  /// Adds a page that is held already.
  void add(int page) {
    held.push(page);
  }

  /// How many pages there are.
  public int count() {
    return held.size();
  }

  /// The address of the frame of a page of the range, counted from 0.
  public long frame(int n) {
    return parts.pages().address(held.get(n));
  }

  @Override
  public void close() {
    while (held.size() > 0) {
      int page = held.pop();
      if (changed) {
        noteChange(page);
      }
      allocator.unhold(self, page);
    }
  }

  /// A page that was written out since it was held looks clean: it is not.
  private void noteChange(int page) {
    parts.busy().hardBusyBesideSoft(self, page);
    if (parts.pages().object(page)
        != PageArray.NO_OBJECT) { // else it was unmapped, and is nobody's
      parts.pages().setDirty(page);
    }
    parts.busy().unbusy(page);
  }
}
