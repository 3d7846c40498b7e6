package org.pondhawk.vm.object;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageContent;
import org.pondhawk.vm.queue.PageMover;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.VmThread;

/// Keeps the bytes of a page as they are while they are sent out, without copying them first and
/// without stopping who stores into them (copy-on-write for zero-copy I/O).
///
/// ```
///   setUp ──▶ no mapping allows a store ──▶ the stores under way have ended ──▶ send ──▶ clear
///                        │
///                        └─ a store faults: replace. The object has a copy then, which is stored
///                           into; the sender's page belongs to nothing, and is freed by clear
/// ```
///
/// **Contract.** A page may have many senders. From [#setUp] to the [#clear] of each its frame is
/// held: it is not evicted, and not used anew whatever becomes of its object. Its bytes stand still
/// once [#awaitStores] has said so. Nothing here but that waits.
///
/// **Memory effects.** What was stored into the page before it was set up is visible after
/// [#awaitStores]; what is stored later never is.
///
/// **Failure.** [VmPanic] with the decoded page for a page that is not in the state that is asked
/// for.
public final class PageCow {
  /*
   * The count of senders rises only while the page is hard-busy, and whoever maps a page for stores has
   * it hard-busy too: so either sees the other. It may fall at any time: then stores are allowed again
   * by the next fault.
   *
   * A store that saw a mapping from before may still be under way when the next one faults. It must be
   * in what is copied, so the page has the ticket of the grace period that ends it. A page that was
   * replaced has another one, for who may still be loading from it, which nobody begins before there is
   * no sender: either clear sees that ticket, or free sees no sender and waits itself.
   *
   * C1  cow > 0  =>  no mapping allows a store, and hold >= cow
   *
   * Differs from the reference: the page is held instead of wired, so that whoever unmaps it need not
   * know; and it stays busy from the fault's decision to its end. Follows: vm_page_cowsetup,
   * vm_page_cowclear, vm_page_cowfault.
   */
  private final PageArray pages;
  private final PageBusy busy;
  private final VmStats stats;
  private final PageAllocator allocator;
  private final ObjectOwner owner;
  private final PageContent content;
  private final Mappings mappings;
  private final PageMover mover;
  private final Grace grace;

  /// Makes it for a machine.
  public PageCow(
      PageParts parts,
      PageAllocator allocator,
      ObjectOwner owner,
      PageContent content,
      Mappings mappings,
      Grace grace) {
    this.pages = parts.pages();
    this.busy = parts.busy();
    this.stats = parts.stats();
    this.mover = parts.mover();
    this.allocator = allocator;
    this.owner = owner;
    this.content = content;
    this.mappings = mappings;
    this.grace = grace;
  }

  /// Whether a page has as many senders as can be counted: one more is for later.
  ///
  /// @param page a hard-busy page
  public boolean isFull(int page) {
    return pages.cowCount(page) == PageArray.MOST_SENDERS;
  }

  /// Whether a page is wired by somebody who relies on its frame being the object's, as opposed to
  /// ranges of address spaces, which wire whatever page they show.
  ///
  /// @param page a hard-busy page
  public boolean isBound(int page) {
    int wirings = pages.wireCount(page);
    return wirings != 0 && wirings != mappings.wired(page);
  }

  /// Begins to send a page: takes the right to store from every mapping (`vm_page_cowsetup`).
  /// [#clear] ends it.
  ///
  /// @param page a hard-busy page of an object, whatever soft holders it has; not [#isBound]
  /// @return what to give to [#awaitStores] before its bytes are looked at; what a later page
  ///   returns will do for the earlier ones
  public int setUp(int page) {
    busy.requireHardBusy(page);
    if (pages.object(page) == PageArray.NO_OBJECT
        || pages.hasFlag(page, PageFlags.FICTITIOUS)
        || isBound(page)) {
      throw new VmPanic("sent, but nobody's, bound or fictitious: " + pages.describe(page));
    }
    allocator.hold(page); // first, so that the count never says more than the holds
    if (!pages.tryRaiseCow(page)) {
      throw new VmPanic("sent too often at once: " + pages.describe(page));
    }
    mappings.writeProtect(page);
    int ticket = grace.next(); // read once the right is gone; a store may be left from longer ago
    pages.setTicket(page, ticket);
    return ticket;
  }

  /// Waits until no store is under way that began before pages were set up. The caller has none of
  /// them busy, and is inside no guard.
  ///
  /// @param ticket what [#setUp] returned last
  /// @return false if a store does not end for the machine's patience: the bytes may change yet
  public boolean awaitStores(int ticket) {
    return grace.beginAndAwait(ticket);
  }

  /// Ends the sending of a page (`vm_page_cowclear`). Who stores next may store in place again if
  /// that was the last sender; a page that lost its object meanwhile becomes free.
  ///
  /// @param page a page that was set up, once for each time
  public void clear(VmThread self, int page) {
    if (!pages.tryLowerCow(page)) {
      throw new VmPanic("not sent: " + pages.describe(page));
    }
    if (pages.ticket(page) == grace.next()) {
      grace.begin(); // once for all pages that were replaced since the last
    }
    allocator.unhold(self, page);
  }

  /// Whether somebody sends a page, so that it must not be stored into.
  ///
  /// @param page a page; an answer for as long as it is hard-busy, but that "yes" may become "no"
  public boolean isSent(int page) {
    return pages.cowCount(page) != 0;
  }

  /// Whether the stores that [#setUp] found under way have ended. If not, [#replace] is too early;
  /// [#awaitStores] of the page's ticket waits for it, with nothing held.
  ///
  /// @param page a hard-busy page
  public boolean areStoresOver(int page) {
    return grace.isOver(pages.ticket(page));
  }

  /// Gives an object a page of its own in the place of one that is being sent, with the same bytes,
  /// valid and dirty (`vm_page_cowfault`). The senders keep the old page.
  ///
  /// @param object the object of the page, whose token is held exclusively
  /// @param page a hard-busy page with good bytes whose stores are over
  /// @param spare a hard-busy page that belongs to nothing; freed if it is not needed
  /// @return the page to store into, hard-busy: `spare`, or `page` itself if nobody sends it any
  ///   more
  public int replace(VmThread self, VmObject object, int page, int spare) {
    requireReplaceable(self, object, page);
    if (!isSent(page)) {
      allocator.free(self, spare);
      return page;
    }
    long pindex = pages.pindex(page);
    // found by its identity, which goes next; who wired a range wires the other page at its fault
    mover.unwireTimes(self, page, mappings.removeAllWired(page));
    pages.setTicket(page, grace.next()); // for clear to begin: nobody needs the frame before
    owner.remove(self, page);
    owner.insert(self, object, pindex, spare);
    content.copy(page, spare);
    allocator.free(self, page); // to be used anew once no sender holds it
    stats.count(self.stripe(), Event.COPIED, 1);
    return spare;
  }

  private void requireReplaceable(VmThread self, VmObject object, int page) {
    busy.requireHardBusy(page);
    if (!self.holdsExclusively(object.token()) || pages.object(page) != object.slot()) {
      throw new VmPanic("%s replaces %s of %s".formatted(self, pages.describe(page), object));
    }
    if (isBound(page) || busy.softHolders(page) != 0 || !pages.isFullyValid(page)) {
      throw new VmPanic("replaced, but bound, read or not valid: " + pages.describe(page));
    }
    if (!areStoresOver(page)) {
      throw new VmPanic("replaced while a store may be under way: " + pages.describe(page));
    }
  }
}
