package org.pondhawk.vm;

import java.util.function.Function;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.boot.MapInspection;
import org.pondhawk.vm.boot.PageInspection;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.stats.PageState;

/// Looks at a machine from outside, as the reference's debugger does: counts, queues, maps, single
/// pages.
///
/// **Contract.** Any thread may ask, while the machine runs and after it was halted. Nothing is
/// changed, nothing waits, and no lock is taken but that of a map if it is free: what is told of a
/// running machine need not be of one moment. `IllegalStateException` when the machine is closed.
public final class Inspector {
  private final Machine machine;
  private final PageInspection pages;

  Inspector(Machine machine) {
    this.machine = machine;
    this.pages = new PageInspection(machine);
  }

  /// The counts of pages and the levels that they are compared with, one a line (`show page`).
  public String showPage() {
    return inside(PageInspection::page);
  }

  /// How long each page queue is, a line for each of four kinds and a number for each colour (`show
  /// pageq`).
  public String showPageQueues() {
    return inside(PageInspection::pageq);
  }

  /// What is mapped in every open space, a line for each range (`show map`). A map that is being
  /// changed at the moment is named only: to wait for it would be to wait.
  public String showMaps() {
    return inside(_ -> MapInspection.text(machine));
  }

  /// The pools of items of the kernel memory, one a line: name, size, limit, used, free, requests
  /// (`vm.zone`).
  public String showZones() {
    return inside(PageInspection::zones);
  }

  /// One page, decoded.
  ///
  /// @param page from 0 to below [org.pondhawk.vm.stats.VmStatistics#pageCount]
  /// @throws IllegalArgumentException if there is no such page
  public PageState page(long page) {
    int count = machine.page().pages().frameCount();
    if (page < 0 || page >= count) {
      throw new IllegalArgumentException("page %d is not from 0 to %d".formatted(page, count - 1));
    }
    return inside(i -> i.page((int) page));
  }

  /// The page that an address shows now.
  ///
  /// @return its number, or -1 if none is mapped there: nothing is brought in
  /// @throws IllegalArgumentException if the address is not in the space's range
  public long pageAt(AddressSpace space, long address) {
    if (address < 0 || address >= space.range()) {
      throw new IllegalArgumentException(
          "address 0x%x is not in the range of %s".formatted(address, space));
    }
    return inside(_ -> mapped(space.internal(), address));
  }

  private long mapped(Space space, long address) {
    if (!space.pmap().pin()) { // its table is gone
      return PageArray.NONE;
    }
    try {
      long pte = space.pmap().entry(address);
      return Pte.isValid(pte)
          ? machine.page().pages().frames().frameOf(Pte.frame(pte))
          : PageArray.NONE;
    } finally {
      space.pmap().unpin();
    }
  }

  private <T> T inside(Function<PageInspection, T> question) {
    if (!machine.retain()) {
      throw new IllegalStateException("the machine is closed");
    }
    try {
      return question.apply(pages);
    } finally {
      machine.release();
    }
  }
}
