package org.pondhawk.vm.fault;

import java.util.Objects;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Backing;
import org.pondhawk.vm.map.EntryFlags;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.map.Submap;
import org.pondhawk.vm.map.SuppliedRange;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.object.PageCow;
import org.pondhawk.vm.object.PageLookup;
import org.pondhawk.vm.object.RadixNodes;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
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
/// access, or beyond the end of an object with a pager of its own;
/// [org.pondhawk.vm.error.OutOfPagesException] when memory can't be had; [UncheckedIOException]
/// when the page can't be read back, in which case its data stays where it is. None leaves a lock
/// or a busy page behind.
public final class FaultHandler {
  /*
   * One attempt: map (shared) → charge the table → object (shared, exclusive to insert) → chain → page
   * (hard-busy) → page-in, zero-fill or copy → pmap → activate → release all. Whatever has to
   * wait gives everything back first, except page-in, which keeps the map and the busy page. Every
   * attempt starts from the map, so a concurrent unmap is honoured.
   */
  private static final long FROZEN_SLICE_NANOS = 100_000_000L;

  private final PageParts parts;
  private final PageArray pages;
  private final PageAllocator allocator;
  private final ObjectOwner owner;
  private final RadixNodes nodes;
  private final CopyOnWrite copyOnWrite;
  private final PageCow cow;
  private final HaltSwitch halt;
  private final PageLookup lookup;
  private final PageEntry entering;
  private final PageBringer bringer;
  private final SuppliedEntry supplied;
  private final FaultBurst burst;

  /// Makes the fault handler of a machine.
  ///
  /// @param burstPages how many resident neighbours of a page are mapped with it
  public FaultHandler(
      PageParts parts,
      PageAllocator allocator,
      ObjectOwner owner,
      RadixNodes nodes,
      CopyOnWrite copyOnWrite,
      PageCow cow,
      HaltSwitch halt,
      PageLookup lookup,
      int burstPages) {
    this.parts = parts;
    this.pages = parts.pages();
    this.allocator = allocator;
    this.owner = owner;
    this.nodes = nodes;
    this.copyOnWrite = copyOnWrite;
    this.cow = cow;
    this.halt = halt;
    this.lookup = lookup;
    this.entering = new PageEntry(parts, allocator);
    this.supplied = new SuppliedEntry(parts, entering);
    this.bringer = new PageBringer(parts, allocator, owner);
    this.burst = new FaultBurst(parts, entering, burstPages);
  }

  /// Resolves a fault.
  ///
  /// @param fault the record of the calling thread's faults in the space
  /// @param address any address in the page
  /// @param access one kind of [Access]
  public void resolve(Fault fault, long address, int access) {
    VmThread self = fault.self;
    self.relocate();
    Space space = fault.space;
    Patience patience = null;
    Patience frozen = null;
    boolean read = false;
    for (; ; ) {
      halt.check();
      nodes.preload(self);
      int thaw = space.thawed().ticket();
      Outcome outcome = attempt(fault, space, address, access);
      switch (outcome) {
        case MINOR, MAJOR -> {
          boolean major = read || outcome == Outcome.MAJOR;
          parts.stats().count(self.stripe(), major ? Event.FAULT_MAJOR : Event.FAULT_MINOR, 1);
          return;
        }
        case READ_BENEATH -> read = true;
        case AGAIN -> {
          parts.stats().count(self.stripe(), Event.IN_TRANSIT, 1);
          patience = parts.gate().checkBusyWait(self, patience);
        }
        case UNTOUCHED -> space.mapper().giveObject(address);
        case BELOW_STACK -> growStack(fault, address, access);
        case SHADOW -> space.forker().shadow(address);
        case SUBMAP -> space = Objects.requireNonNull(fault.submap);
        case FROZEN -> {
          self.sleep(space.thawed(), thaw, FROZEN_SLICE_NANOS);
          frozen = frozen == null ? parts.gate().patience() : frozen;
          parts.gate().checkWait(self, frozen, space.thawed().ticket(), "the space was frozen");
        }
        case NO_MEMORY -> {
          patience = patience == null ? parts.gate().patience() : patience;
          parts.gate().awaitForFault(self, patience);
        }
      }
    }
  }

  /// @param space the space of the fault, or the part of it that has a map of its own
  private Outcome attempt(Fault fault, Space space, long address, int access) {
    VmThread self = fault.self;
    fault.busyPage = PageArray.NONE;
    fault.awaitsStores = false;
    long stamp = space.map().lockShared();
    try {
      MapEntry entry = space.map().find(address);
      if (entry == null) {
        return unmapped(space, address, access);
      }
      requireAllowed(entry, address, access);
      boolean write = access == Access.WRITE;
      if (write && space.isFrozen() && !fault.copiesOnly && !fault.wires) {
        return Outcome.FROZEN;
      }
      if (entry.content() instanceof Submap inside) {
        fault.submap = inside.map();
        return Outcome.SUBMAP;
      }
      if (entry.isUntouched()) {
        return Outcome.UNTOUCHED;
      }
      if (write && entry.needsCopy()) {
        return Outcome.SHADOW;
      }
      if (!space.pmap().charge(self, address)) {
        return Outcome.NO_MEMORY;
      }
      if (write) {
        space.pmap().thaw(address);
      }
      fault.begin(entry, address, write);
      return entry.content() instanceof SuppliedRange range
          ? supplied.enter(fault, range)
          : bypass(fault);
    } finally {
      fault.end();
      space.map().unlockShared(stamp);
      if (fault.busyPage != PageArray.NONE) {
        parts.busy().sleepWhileBusy(self, fault.busyPage);
      }
      if (fault.awaitsStores) {
        boolean _ = cow.awaitStores(fault.openTicket); // what a give-up means is found out anew
      }
    }
  }

  private long pindex(Fault fault, Backing element) {
    return element.pindex(fault.address, pages.frames().pageShift());
  }

  /// Takes the page from the head without a token if it is there and nobody is at work on it
  /// (`vm_fault_bypass`). The map is shared and the page busy, so nothing can hide or change it.
  private Outcome bypass(Fault fault) {
    Backing head = fault.head();
    int page = lookup.tryBusy(head.object(), pindex(fault, head));
    boolean sent = page >= 0 && mustNotStore(fault, page);
    if (page >= 0 && !sent) {
      return finishResident(fault, page, !fault.entry().needsCopy());
    }
    if (sent) {
      parts.busy().unbusy(page);
    }
    // A page will probably be inserted: take the token as that needs it.
    boolean insert = sent || (page == PageLookup.ABSENT && (fault.write || head.next() == null));
    return walkChain(fault, insert);
  }

  /// Looks from the head down. The head's token is held all the way, so that nothing can come to
  /// hide what is found deeper; deeper objects are immutable but for page-in and page-out.
  private Outcome walkChain(Fault fault, boolean exclusive) {
    Backing head = fault.head();
    VmObject object = head.object();
    object.token().lock(fault.self, exclusive);
    try {
      long pindex = pindex(fault, head);
      int page = object.resident().get(pindex);
      if (page != IntRadix.NONE) {
        if (!tryBusy(fault, page)) {
          return Outcome.AGAIN;
        }
        if (mustNotStore(fault, page)) {
          return replaceSent(fault, object, page);
        }
        return finishResident(fault, page, !fault.entry().needsCopy());
      }
      Backing next = head.next();
      if (next == null || object.hasBacking(pindex)) {
        return faultAbsent(fault);
      }
      return walkBeneath(fault, next);
    } finally {
      object.token().unlock(fault.self);
    }
  }

  /// Whether a store follows into a page that is being sent out: the object needs another one
  /// first.
  private boolean mustNotStore(Fault fault, int page) {
    return (fault.wires || (fault.write && !fault.copiesOnly)) && cow.isSent(page);
  }

  /// Gives the head another page in the place of one that is being sent (`vm_page_cowfault`).
  ///
  /// @param page a hard-busy page of the head
  private Outcome replaceSent(Fault fault, VmObject object, int page) {
    VmThread self = fault.self;
    if (object.token().upgrade(self)) {
      parts.busy().unbusy(page);
      return Outcome.AGAIN;
    }
    if (!cow.areStoresOver(page)) {
      fault.awaitsStores = true;
      fault.openTicket = pages.ticket(page);
      parts.busy().unbusy(page);
      return Outcome.AGAIN;
    }
    int spare = allocate(self, object, pages.pindex(page));
    if (spare == PageArray.NONE) {
      parts.busy().unbusy(page);
      return Outcome.NO_MEMORY;
    }
    return finishResident(fault, cow.replace(self, object, page, spare), true);
  }

  private Outcome finishResident(Fault fault, int page, boolean ours) {
    finish(fault, page, ours);
    if (!fault.entry().isWired()) { // there each page is wired at its own fault
      burst.mapAround(fault);
    }
    return Outcome.MINOR;
  }

  private boolean tryBusy(Fault fault, int page) {
    if (parts.busy().tryHardBusy(page)) {
      return true;
    }
    fault.self.requireNotLeased(page, fault.address);
    fault.busyPage = page;
    return false;
  }

  private Outcome walkBeneath(Fault fault, Backing from) {
    for (Backing element = from; element != null; element = element.next()) {
      VmObject object = element.object();
      boolean gaveUp = object.token().lock(fault.self, false);
      int page = IntRadix.NONE;
      try {
        if (gaveUp) {
          return Outcome.AGAIN;
        }
        long pindex = pindex(fault, element);
        page = object.resident().get(pindex);
        if (page == IntRadix.NONE) {
          PageBringer.requireWithin(fault, object, pindex);
        }
        if (page == IntRadix.NONE && object.hasBacking(pindex)) {
          return readBeneath(fault, object, pindex);
        }
        if (page != IntRadix.NONE && !tryBusy(fault, page)) {
          return Outcome.AGAIN;
        }
        if (page != IntRadix.NONE && !fault.write) {
          return finishResident(fault, page, false);
        }
      } finally {
        object.token().unlock(fault.self);
      }
      if (page != IntRadix.NONE) {
        return copyUp(fault, element, page);
      }
    }
    return faultAbsent(fault);
  }

  /// Reads a page of a deeper object in, where all who see it find it.
  private Outcome readBeneath(Fault fault, VmObject object, long pindex) {
    if (object.token().upgrade(fault.self)) {
      return Outcome.AGAIN;
    }
    PageBringer.requireWithin(fault, object, pindex);
    Outcome outcome = bringer.bring(fault, object, pindex, this::allocate);
    if (outcome == Outcome.NO_MEMORY) {
      return outcome;
    }
    parts.mover().activate(fault.self, fault.page);
    parts.busy().unbusy(fault.page);
    return Outcome.READ_BENEATH;
  }

  /// Gives the head a page of its own with the bytes of a deeper one (a copy-on-write fault).
  ///
  /// @param source a hard-busy page of a deeper object
  private Outcome copyUp(Fault fault, Backing from, int source) {
    Outcome outcome = copyOnWrite.bringUp(fault, from, source, this::allocate);
    if (outcome != Outcome.MINOR) {
      parts.busy().unbusy(source);
      return outcome;
    }
    if (fault.page != source && fault.entry().isWired()) {
      entering.leaveOld(fault, source);
    }
    finish(fault, fault.page, true);
    if (fault.page != source) {
      parts.busy().unbusy(source);
    }
    return outcome;
  }

  private static Outcome unmapped(Space space, long address, int access) {
    if (!space.stacks().isBelow(address)) {
      String why = space.isClosed() ? "the address space is closed" : "not mapped";
      throw new AccessViolationException(address, name(access), why);
    }
    return Outcome.BELOW_STACK;
  }

  private static void growStack(Fault fault, long address, int access) {
    String why = fault.space.stacks().grow(address);
    if (!why.isEmpty()) {
      throw new AccessViolationException(address, name(access), why);
    }
    fault.space.stacks().wireGrown(fault.self, address);
  }

  private void requireAllowed(MapEntry entry, long address, int access) {
    if (entry.content() instanceof Submap) {
      return; // its own entries say what is allowed
    }
    if (!Access.allows(entry.access(), access)) {
      throw new AccessViolationException(
          address, name(access), "the mapping does not allow it: " + entry);
    }
    requireFaultable(entry, address, access);
  }

  private void requireFaultable(MapEntry entry, long address, int access) {
    boolean lowest = address - entry.start() < pages.frames().pageSize();
    if (lowest && entry.traits().has(EntryFlags.GUARDED)) {
      throw new AccessViolationException(
          address, name(access), "the guard page of a stack: " + entry);
    }
    if (entry.traits().has(EntryFlags.NO_FAULT)) {
      throw new AccessViolationException(
          address, name(access), "no page was entered there, and none may be by a fault: " + entry);
    }
  }

  static String name(int access) {
    return access == Access.WRITE ? "write" : "read";
  }

  /// Makes the head's page, which is not resident: from its backing, or as zeros.
  private Outcome faultAbsent(Fault fault) {
    VmObject object = fault.head().object();
    if (object.token().upgrade(fault.self)) {
      return Outcome.AGAIN; // somebody else may have made it while the token was given up
    }
    long pindex = pindex(fault, fault.head());
    boolean ours = !fault.entry().needsCopy();
    PageBringer.requireWithin(fault, object, pindex);
    if (object.hasBacking(pindex)) {
      Outcome outcome = bringer.bring(fault, object, pindex, this::allocate);
      if (outcome != Outcome.NO_MEMORY) {
        finish(fault, fault.page, ours);
      }
      return outcome;
    }
    return zeroFill(fault, object, pindex, ours);
  }

  private Outcome zeroFill(Fault fault, VmObject object, long pindex, boolean ours) {
    VmThread self = fault.self;
    if (isSevere(self)) {
      return Outcome.NO_MEMORY;
    }
    int color = allocator.colorFor(self, object.color(), pindex);
    int page = allocator.allocateForZeros(self, color, AllocClass.NORMAL);
    if (page == PageArray.NONE) {
      return Outcome.NO_MEMORY;
    }
    owner.insert(self, object, pindex, page);
    parts.stats().count(self.stripe(), Event.ZERO_FILL, 1);
    if (pages.hasFlag(page, PageFlags.ZERO)) {
      parts.stats().count(self.stripe(), Event.ZERO_FILL_READY, 1);
    } else {
      pages.frames().zero(page);
    }
    entering.finishNew(fault, page, ours); // takes the flags of the frame's state away
    return Outcome.MINOR;
  }

  private int allocate(VmThread self, VmObject object, long pindex) {
    if (isSevere(self)) {
      return PageArray.NONE;
    }
    int color = allocator.colorFor(self, object.color(), pindex);
    return allocator.allocate(self, color, AllocClass.NORMAL);
  }

  private boolean isSevere(VmThread self) {
    if (!parts.gate().pressure().severe(self.stripe())) {
      return false;
    }
    parts.stats().rollup(); // the view may be old: look twice before sending a thread to wait
    return parts.gate().pressure().severe(self.stripe());
  }

  private void finish(Fault fault, int page, boolean ours) {
    entering.finish(fault, page, ours);
  }
}
