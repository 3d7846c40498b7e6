package org.pondhawk.vm.check;

import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Lease;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pmap.Pte;

/// Checks the leases: each has all its pages, mapped where it says, no page is busy but as its
/// leases say, and those that are sent are held and may not be stored into.
final class LeaseCheck {
  private final Machine machine;
  private final PageArray pages;
  private final Findings findings;
  private final int[] readers;
  private final int[] writers;

  LeaseCheck(Machine machine, Findings findings) {
    this.machine = machine;
    this.pages = machine.page().pages();
    this.findings = findings;
    this.readers = new int[pages.count()];
    this.writers = new int[pages.count()];
  }

  /// Checks all leases, then the busy words.
  void run() {
    int counted = 0;
    for (Space space : machine.everySpace()) {
      for (Lease lease : space.leases().all()) {
        counted += lease.pageCount();
        checkLease(space, lease);
      }
    }
    int sent = machine.leased().sent();
    int reserved = machine.leased().reserved() - sent;
    findings.require(
        counted == reserved, "open spaces lease %d pages, set aside are %d", counted, reserved);
    machine.allocator().forEachInMagazines(page -> writers[page]++); // hard-busy as if for one
    int cow = 0;
    for (int page = 0; page < pages.count(); page++) {
      if (pages.isMarker(page)) {
        continue;
      }
      cow += pages.cowCount(page);
      checkBusy(page);
      checkSent(page);
    }
    findings.require(cow == sent, "%d pages are sent, snapshots are of %d", cow, sent);
  }

  /// That no mapping allows a store into it is seen where mappings are checked.
  private void checkSent(int page) {
    int cow = pages.cowCount(page);
    findings.require(
        pages.holdCount(page) >= cow && (cow == 0 || !pages.hasFlag(page, PageFlags.WRITABLE)),
        "sent, but not held, or to be stored into: %s",
        pages.describe(page));
  }

  private void checkLease(Space space, Lease lease) {
    findings.require(
        lease.taken() == lease.pageCount(),
        "space %d: registered, but has %d of %d pages: %s",
        space.id(),
        lease.taken(),
        lease.pageCount(),
        lease);
    for (int i = 0; i < lease.taken(); i++) {
      int page = lease.page(i);
      (lease.isWrite() ? writers : readers)[page]++;
      long address = lease.start() + (long) i * machine.spec().pageSize();
      long pte = space.pmap().entry(address);
      findings.require(
          Pte.isValid(pte) && Pte.frame(pte) == pages.address(page),
          "space %d, 0x%x: %s, but leased is %s",
          space.id(),
          address,
          Pte.describe(pte),
          pages.describe(page));
      findings.require(
          !lease.isWrite() || pages.dirty(page) != 0,
          "leased for writing, but clean: %s",
          pages.describe(page));
      findings.require(
          machine.leased().isHeldBy(lease.owner(), page),
          "its owner does not know of the %s: %s",
          lease,
          pages.describe(page));
    }
  }

  private void checkBusy(int page) {
    PageBusy busy = machine.page().busy();
    boolean leased = readers[page] + writers[page] > 0;
    boolean asLeased =
        busy.softHolders(page) == readers[page]
            && busy.isHardBusy(page) == (writers[page] == 1)
            && writers[page] <= 1;
    findings.require(asLeased || leased, "busy at rest: %s", pages.describe(page));
    findings.require(
        asLeased || !leased,
        "leased %d times to read and %d times to write, but %s",
        readers[page],
        writers[page],
        pages.describe(page));
  }
}
