package org.pondhawk.vm.queue;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;

/// Wiring of a page that is wired already, without making it busy: for holders of ranges, who wire
/// each page once more or once less (`vm_page_wire_quick`, `vm_page_unwire_quick`). The first and
/// the last wiring are [PageMover]'s.
///
/// **Contract.** Needs nothing held, never waits. Only who has a page hard-busy takes its wire
/// count from 0 or to 0, so that who has it hard-busy and sees 0 may free it.
public class PageWiring {
  private final PageArray pages;

  /// Makes it over the descriptors.
  public PageWiring(PageArray pages) {
    this.pages = pages;
  }

  /// Wires a page once more (`vm_page_wire_quick`).
  ///
  /// @param page a page that the caller knows to stay wired meanwhile
  public final void wireAgain(int page) {
    int was;
    do {
      was = pages.wireCount(page);
      if (was <= 0 || was == Integer.MAX_VALUE) {
        throw new VmPanic("wired again, but not wired or too often: " + pages.describe(page));
      }
    } while (!pages.changeWire(page, was, was + 1));
  }

  /// Takes one wiring back unless it is the last (`vm_page_unwire_quick`).
  ///
  /// @param page a wired page
  /// @return true if it is the last and stays: the caller makes the page hard-busy for
  ///   [PageMover#unwire]
  public boolean unwireUnlessLast(int page) {
    for (; ; ) {
      int was = pages.wireCount(page);
      if (was <= 0) {
        throw new VmPanic("unwired, but not wired: " + pages.describe(page));
      }
      if (was == 1) {
        return true;
      }
      if (pages.changeWire(page, was, was - 1)) {
        return false;
      }
    }
  }
}
