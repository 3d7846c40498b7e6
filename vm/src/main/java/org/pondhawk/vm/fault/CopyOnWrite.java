package org.pondhawk.vm.fault;

import org.pondhawk.vm.map.Backing;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// Gives the head of a chain a page of its own where a deeper element has one (a copy-on-write
/// fault): moved up if nobody else can see it, else copied.
///
/// **Contract.** Never waits for memory. The map is locked, the head's token is held, and the
/// deeper page is hard-busy; it stays so until the caller has mapped what the head got.
public class CopyOnWrite {
  /*
   * A page may be moved if
   *
   *   M1  only this chain goes through the element that has it: then no other chain shows it, and
   *       none can come while the map is locked;
   *   M2  only this chain goes through the head: who shares the head may map the page under way;
   *   M3  nobody holds it: a window of another space may be all that is left of that space's sight
   *       of the page, and must not see our stores.
   *
   * A page that must be copied although this chain alone sees it stays hidden beneath: the head notes
   * that, and the collapser frees it.
   */
  private final PageParts parts;
  private final PageArray pages;
  private final ObjectOwner owner;
  private final Mappings mappings;

  /// Makes it over the parts of a machine.
  public CopyOnWrite(PageParts parts, ObjectOwner owner, Mappings mappings) {
    this.parts = parts;
    this.pages = parts.pages();
    this.owner = owner;
    this.mappings = mappings;
  }

  /// Where a fresh page comes from.
  interface Supply {
    /// A hard-busy page that belongs to nothing, or [PageArray#NONE]. Does not wait.
    int allocate(VmThread self, VmObject object, long pindex);
  }

  /// Brings the page up. The head's token is exclusive afterwards, unless the answer is AGAIN.
  ///
  /// @param from the element that has it
  /// @param source the page, hard-busy; still so afterwards
  /// @return MINOR with the head's page, hard-busy, in `fault.page`: `source` itself if it was
  ///   moved; AGAIN if a token was given up meanwhile; NO_MEMORY
  final Outcome bringUp(Fault fault, Backing from, int source, Supply supply) {
    Backing head = fault.head();
    VmObject object = head.object();
    if (object.token().upgrade(fault.self)) {
      return Outcome.AGAIN;
    }
    long pindex = head.pindex(fault.address, pages.frames().pageShift());
    if (mayMove(head, from, source)) {
      return move(fault, object, pindex, from.object(), source);
    }
    return copy(fault, object, pindex, source, supply);
  }

  /// Whether the page of a deeper element may be made the head's own.
  protected boolean mayMove(Backing head, Backing from, int source) {
    return from.isAlone() && head.isAlone() && pages.holdCount(source) == 0;
  }

  private Outcome move(Fault fault, VmObject to, long pindex, VmObject from, int source) {
    if (from.token().lock(fault.self, true)) {
      from.token().unlock(fault.self);
      return Outcome.AGAIN;
    }
    boolean moved = owner.move(fault.self, to, pindex, source);
    from.token().unlock(fault.self);
    if (!moved) {
      return Outcome.AGAIN; // a node was missing: the next attempt has preloaded some
    }
    fault.page = source;
    parts.stats().count(fault.self.stripe(), Event.MOVED, 1);
    return Outcome.MINOR;
  }

  private Outcome copy(Fault fault, VmObject to, long pindex, int source, Supply supply) {
    int page = supply.allocate(fault.self, to, pindex);
    if (page == PageArray.NONE) {
      return Outcome.NO_MEMORY;
    }
    owner.insert(fault.self, to, pindex, page);
    RawMemory.copy(pages.address(source), pages.address(page), pages.frames().pageSize());
    pages.setValid(page);
    if (!fault.stores()) {
      pages.setDirty(page); // nothing backs it, and no store will say so
    }
    to.noteCovering();
    parts.stats().count(fault.self.stripe(), Event.COPIED, 1);
    if (to.references() > 1) {
      // others who share the head must not see the old page any more
      parts.mover().unwireTimes(fault.self, source, mappings.removeAllWired(source));
    }
    fault.page = page;
    return Outcome.MINOR;
  }
}
