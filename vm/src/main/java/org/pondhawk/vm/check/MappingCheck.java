package org.pondhawk.vm.check;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.kmem.Kernel;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Backing;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.map.Submap;
import org.pondhawk.vm.map.SuppliedRange;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pmap.Pmap;
import org.pondhawk.vm.pmap.Pte;

/// Checks the address spaces: every valid entry of a page table is covered by a map entry that
/// allows it, shows the page that belongs there, and is counted.
final class MappingCheck {
  private final Machine machine;
  private final PageArray pages;
  private final Findings findings;

  MappingCheck(Machine machine, Findings findings) {
    this.machine = machine;
    this.pages = machine.page().pages();
    this.findings = findings;
  }

  void run() {
    for (Space space : machine.everySpace()) {
      new MapCheck(space, findings).run();
      checkTable(space);
    }
    Kernel kernel = machine.kernelIfMade();
    if (kernel != null) {
      kernel.submaps().forEach(part -> new MapCheck(part, findings).run());
    }
  }

  private void checkTable(Space space) {
    Pmap pmap = space.pmap();
    long[] valid = new long[1];
    pmap.forEachValid(
        new Pmap.EntryVisitor() {
          @Override
          public void entry(long address, long pte) {
            valid[0]++;
            checkEntry(space, address, pte);
          }

          @Override
          public void piece(long number, int found, int counted) {
            findings.require(
                found == counted,
                "space %d: piece %d of the table has %d entries and says %d",
                space.id(),
                number,
                found,
                counted);
          }
        });
    for (String problem : pmap.problems()) {
      findings.require(false, "space %d: %s", space.id(), problem);
    }
    findings.require(
        valid[0] == pmap.resident(),
        "space %d: %d entries are valid, %d were made and not removed",
        space.id(),
        valid[0],
        pmap.resident());
  }

  @SuppressWarnings("ReferenceEquality") // the head itself, not one that looks the same
  private void checkEntry(Space space, long address, long pte) {
    String where = "space %d, 0x%x: %s".formatted(space.id(), address, Pte.describe(pte));
    int page = pages.pageAt(Pte.frame(pte));
    if (page == PageArray.NONE) {
      findings.require(false, "%s: no frame of ours, and no fictitious page", where);
      return;
    }
    MapEntry entry = entryOf(space, address);
    if (entry == null) {
      findings.require(false, "%s: mapped, but no map entry covers it", where);
      return;
    }
    int needed = PageFlags.MAPPED | (Pte.isWritable(pte) ? PageFlags.WRITABLE : 0);
    findings.require(
        (pages.flags(page) & needed) == needed, "%s: not noted at %s", where, describe(page));
    findings.require(Pte.isConsistent(pte), "%s: bits that cannot be together", where);
    findings.require(
        !Pte.isWired(pte) || entry.isWired(), "%s: wired, but its range is not: %s", where, entry);
    findings.require(
        !Pte.isWritable(pte) || pages.cowCount(page) == 0,
        "%s: writable, but sent: %s",
        where,
        describe(page));
    if (entry.content() instanceof SuppliedRange) {
      checkSupplied(entry, where, pte, page);
      return;
    }
    Backing shown = nearest(entry.backing(), address);
    long shift = pages.frames().pageShift();
    findings.require(
        shown != null
            && pages.object(page) == shown.object().slot()
            && pages.pindex(page) == shown.pindex(address, (int) shift),
        "%s: shows another page: %s",
        where,
        describe(page));
    boolean mayStore =
        Access.allows(entry.access(), Access.WRITE)
            && !entry.needsCopy()
            && shown != null
            && (shown == entry.backing() || isOursAlone(entry.head(), shown));
    findings.require(
        !Pte.isWritable(pte) || space.pmap().isFrozen(address) || mayStore,
        "%s: writable, but %s",
        where,
        entry);
  }

  /// The entry that covers an address, in the map of its own that its range may have.
  private static @Nullable MapEntry entryOf(Space space, long address) {
    MapEntry entry = space.map().find(address);
    while (entry != null && entry.content() instanceof Submap inside) {
      entry = inside.map().map().find(address);
    }
    return entry;
  }

  /// What is supplied belongs to no object and stays where it is.
  private void checkSupplied(MapEntry entry, String where, long pte, int page) {
    findings.require(
        pages.object(page) == PageArray.NO_OBJECT && pages.wireCount(page) > 0,
        "%s: shows a page that nobody can have supplied: %s",
        where,
        describe(page));
    findings.require(
        !Pte.isWritable(pte) || Access.allows(entry.access(), Access.WRITE),
        "%s: writable, but %s",
        where,
        entry);
  }

  /// Whether nobody else sees what a deeper element shows: a head whose place a larger element took
  /// keeps its mappings.
  private static boolean isOursAlone(Backing head, Backing shown) {
    return head.isAlone() && shown.isAlone();
  }

  /// The element of a chain that has the page of an address resident, the nearest first.
  private @Nullable Backing nearest(@Nullable Backing head, long address) {
    for (Backing element = head; element != null; element = element.next()) {
      long pindex = element.pindex(address, pages.frames().pageShift());
      if (element.object().resident().get(pindex) != IntRadix.NONE) {
        return element;
      }
    }
    return null;
  }

  private String describe(int page) {
    return pages.describe(page);
  }
}
