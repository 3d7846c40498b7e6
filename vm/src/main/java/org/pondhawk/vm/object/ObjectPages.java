package org.pondhawk.vm.object;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// Allocates pages right into an object (`vm_page_alloc` with an object).
///
/// **Contract.** The token of the object is held exclusively and the thread has preloaded nodes.
/// Never waits. The page is hard-busy, on no queue and not valid; its bytes are arbitrary.
///
/// **Failure.** No memory is [PageArray#NONE]. [VmPanic] without the token, and for an index that
/// has a page already, unless the operation says otherwise.
public final class ObjectPages {
  private final PageParts parts;
  private final PageAllocator allocator;
  private final ObjectOwner owner;

  /// Makes it for a machine.
  public ObjectPages(PageParts parts, PageAllocator allocator, ObjectOwner owner) {
    this.parts = parts;
    this.allocator = allocator;
    this.owner = owner;
  }

  /// Allocates the page at an index, of a colour of the caller's processor.
  ///
  /// @return the page, or [PageArray#NONE] if memory is short for this class
  public int allocate(VmThread self, VmObject object, long pindex, AllocClass klass) {
    requireAbsent(self, object, pindex);
    return insert(self, object, pindex, allocator.colorFor(self, object.color(), pindex), klass);
  }

  /// As [#allocate], of a colour of another processor (`VM_ALLOC_CPU`).
  ///
  /// @param cpu the processor that will use the page, from 0
  /// @throws IllegalArgumentException if there is no such processor
  public int allocateNear(VmThread self, int cpu, VmObject object, long pindex, AllocClass klass) {
    requireAbsent(self, object, pindex);
    return insert(self, object, pindex, allocator.colorNear(cpu, object.color(), pindex), klass);
  }

  /// As [#allocate], and no page if there is one already (`VM_ALLOC_NULL_OK`).
  ///
  /// @return the page, or [PageArray#NONE]: memory is short, or somebody was quicker
  public int allocateIfAbsent(VmThread self, VmObject object, long pindex, AllocClass klass) {
    return isPresent(self, object, pindex) ? PageArray.NONE : allocate(self, object, pindex, klass);
  }

  /// As [#allocate], and wires the page (`VM_ALLOC_WIRED`).
  public int allocateWired(VmThread self, VmObject object, long pindex, AllocClass klass) {
    int page = allocate(self, object, pindex, klass);
    if (page != PageArray.NONE) {
      parts.mover().wire(self, page);
    }
    return page;
  }

  private int insert(VmThread self, VmObject object, long pindex, int color, AllocClass klass) {
    int page = allocator.allocate(self, color, klass);
    if (page != PageArray.NONE) {
      owner.insert(self, object, pindex, page);
    }
    return page;
  }

  private void requireAbsent(VmThread self, VmObject object, long pindex) {
    if (isPresent(self, object, pindex)) {
      throw new VmPanic(
          "%s has at %d already: %s"
              .formatted(object, pindex, parts.pages().describe(object.resident().get(pindex))));
    }
  }

  private static boolean isPresent(VmThread self, VmObject object, long pindex) {
    if (!self.holdsExclusively(object.token())) {
      throw new VmPanic(self + " allocates into " + object + " without its token");
    }
    return object.resident().get(pindex) != IntRadix.NONE;
  }
}
