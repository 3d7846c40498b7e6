package org.pondhawk.vm.fault;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.object.RadixNodes;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.Patience;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.VmThread;

/// Resolves one fault: finds or makes the page of an address and maps it (`vm_fault`).
///
/// **Contract.** On return the page was mapped with the right that was asked for; it may be gone
/// again already, so the caller tries its access anew. The caller holds nothing. May wait for a
/// busy page, for memory and for I/O.
///
/// **Failure.** [AccessViolationException] for an address that is not mapped or not for this
/// access; [org.pondhawk.vm.error.OutOfPagesException] when memory can't be had;
/// [UncheckedIOException] when the page can't be read back, in which case its data stays where it
/// is. None leaves a lock or a busy page behind.
public final class FaultHandler {
  /*
   * One attempt: map (shared) → charge the table → preload index nodes → object (shared, exclusive to
   * insert) → page (hard-busy) → page-in or zero-fill → pmap → activate → release all. Whatever has to
   * wait gives everything back first, except page-in, which keeps the map and the busy page. Every
   * attempt starts from the map, so a concurrent unmap is honoured.
   */
  private final PageParts parts;
  private final PageArray pages;
  private final PageAllocator allocator;
  private final ObjectOwner owner;
  private final RadixNodes nodes;
  private final HaltSwitch halt;

  /// Makes the fault handler of a machine.
  public FaultHandler(
      PageParts parts,
      PageAllocator allocator,
      ObjectOwner owner,
      RadixNodes nodes,
      HaltSwitch halt) {
    this.parts = parts;
    this.pages = parts.pages();
    this.allocator = allocator;
    this.owner = owner;
    this.nodes = nodes;
    this.halt = halt;
  }

  /// What an attempt came to.
  private enum Outcome {
    /// Mapped, without I/O.
    MINOR,
    /// Mapped, after a read.
    MAJOR,
    /// Somebody else was at work on the page; the attempt has waited.
    AGAIN,
    /// There was no page to be had.
    NO_MEMORY
  }

  /// Resolves a fault.
  ///
  /// @param address any address in the page
  /// @param access one kind of [Access]
  public void resolve(VmThread self, Space space, long address, int access) {
    Patience patience = null;
    for (; ; ) {
      halt.check();
      nodes.preload(self);
      switch (attempt(self, space, address, access)) {
        case MINOR -> {
          parts.stats().count(self.stripe(), Event.FAULT_MINOR, 1);
          return;
        }
        case MAJOR -> {
          parts.stats().count(self.stripe(), Event.FAULT_MAJOR, 1);
          return;
        }
        case AGAIN -> {
          parts.stats().count(self.stripe(), Event.IN_TRANSIT, 1);
          parts.gate().checkDeadline(self);
        }
        case NO_MEMORY -> {
          patience = patience == null ? parts.gate().patience() : patience;
          parts.gate().awaitForFault(self, patience);
        }
      }
    }
  }

  private Outcome attempt(VmThread self, Space space, long address, int access) {
    int busyPage = PageArray.NONE;
    long stamp = space.map().lockShared();
    try {
      MapEntry entry = lookup(space, address, access);
      if (!space.pmap().charge(self, address)) {
        return Outcome.NO_MEMORY;
      }
      VmObject object = entry.backing().object();
      object.token().lock(self, false);
      try {
        long pindex = entry.backing().pindex(address, pages.frames().pageShift());
        int page = object.resident().get(pindex);
        if (page != IntRadix.NONE && !parts.busy().tryHardBusy(page)) {
          busyPage = page;
          return Outcome.AGAIN;
        }
        if (page == IntRadix.NONE) {
          return faultAbsent(self, space, entry, object, pindex, address, access);
        }
        finish(self, space, entry, page, address, access);
        return Outcome.MINOR;
      } finally {
        object.token().unlock(self);
      }
    } finally {
      space.map().unlockShared(stamp);
      if (busyPage != PageArray.NONE) {
        parts.busy().sleepWhileBusy(self, busyPage);
      }
    }
  }

  private static MapEntry lookup(Space space, long address, int access) {
    MapEntry entry = space.map().find(address);
    if (entry == null) {
      throw new AccessViolationException(
          address, name(access), space.isClosed() ? "the address space is closed" : "not mapped");
    }
    if (!Access.allows(entry.access(), access)) {
      throw new AccessViolationException(
          address, name(access), "the mapping does not allow it: " + entry);
    }
    return entry;
  }

  private static String name(int access) {
    return access == Access.WRITE ? "write" : "read";
  }

  /// Makes the page of an index that is not resident.
  private Outcome faultAbsent(
      VmThread self,
      Space space,
      MapEntry entry,
      VmObject object,
      long pindex,
      long address,
      int access) {
    if (object.token().upgrade(self) && object.resident().get(pindex) != IntRadix.NONE) {
      return Outcome.AGAIN; // somebody else has made it while the token was given up
    }
    int page = allocate(self, object, pindex);
    if (page == PageArray.NONE) {
      return Outcome.NO_MEMORY;
    }
    owner.insert(self, object, pindex, page);
    boolean read = fill(self, object, pindex, page);
    finish(self, space, entry, page, address, access);
    return read ? Outcome.MAJOR : Outcome.MINOR;
  }

  private int allocate(VmThread self, VmObject object, long pindex) {
    if (parts.gate().pressure().severe(self.stripe())) {
      parts.stats().rollup(); // the view may be old: look twice before sending a thread to wait
      if (parts.gate().pressure().severe(self.stripe())) {
        return PageArray.NONE;
      }
    }
    int color = allocator.colorFor(self, object.id(), pindex);
    return allocator.allocate(self, color, AllocClass.NORMAL);
  }

  /// Gives a fresh page its bytes: from the pager, or zeros.
  ///
  /// @return whether they were read
  private boolean fill(VmThread self, VmObject object, long pindex, int page) {
    Pager pager = object.pager();
    if (pager != null && pageIn(self, pager, object, pindex, page)) {
      return true;
    }
    pages.frames().zero(page);
    pages.setValid(page);
    parts.stats().count(self.stripe(), Event.ZERO_FILL, 1);
    return false;
  }

  private boolean pageIn(VmThread self, Pager pager, VmObject object, long pindex, int page) {
    @Nullable IOException failure;
    try {
      PagerResult result = pager.pageIn(self, pindex, page);
      if (result == PagerResult.OK || result == PagerResult.FAIL) {
        return result == PagerResult.OK;
      }
      failure = new IOException("the pager answered " + result);
    } catch (IOException e) {
      failure = e;
    }
    allocator.free(self, page);
    throw new UncheckedIOException(
        "page %d of %s could not be read back".formatted(pindex, object), failure);
  }

  /// Maps the page, makes it active and releases it.
  private void finish(
      VmThread self, Space space, MapEntry entry, int page, long address, int access) {
    if (!pages.isFullyValid(page)) {
      throw new VmPanic("mapping a page without content: " + pages.describe(page));
    }
    boolean write = access == Access.WRITE;
    if (write) {
      forgetSwapCopy(self, entry, page);
    }
    space.pmap().enter(address, page, Access.allows(entry.access(), Access.WRITE), write);
    parts.mover().activate(self, page);
    parts.busy().unbusy(page);
  }

  /// A page that is about to change needs its copy in swap no more (`swap_pager_unswapped`). Where
  /// the token is only shared the copy stays until the page is written anew: stale, but never read,
  /// since the page is dirty.
  private void forgetSwapCopy(VmThread self, MapEntry entry, int page) {
    pages.setDirty(page);
    VmObject object = entry.backing().object();
    Pager pager = object.pager();
    if (pager != null
        && pages.hasFlag(page, PageFlags.SWAPPED)
        && self.holdsExclusively(object.token())) {
      pager.forget(self, pages.pindex(page), 1);
      pages.clearFlags(page, PageFlags.SWAPPED);
    }
  }
}
