package org.pondhawk.vm.fault;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.MachineHaltedException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.PageSupplier;
import org.pondhawk.vm.map.SuppliedRange;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// The fault on a range whose pages somebody supplies (the `UKSMAP` case of `vm_fault`): the page
/// is asked for and entered, and nothing else is done with it.
///
/// **Contract.** The map is shared and the table charged. Never waits.
final class SuppliedEntry {
  private final PageParts parts;
  private final PageArray pages;
  private final PageEntry entering;

  SuppliedEntry(PageParts parts, PageEntry entering) {
    this.parts = parts;
    this.entering = entering;
    this.pages = parts.pages();
  }

  /// Maps the page of a fault.
  ///
  /// @throws AccessViolationException if the supplier has none, or fails
  Outcome enter(Fault fault, SuppliedRange range) {
    int page = supply(fault, range);
    if (page == PageSupplier.NO_MEMORY) {
      return Outcome.NO_MEMORY;
    }
    VmThread self = fault.self;
    if (!parts.busy().tryHardBusy(page)) {
      self.requireNotLeased(page, fault.address);
      fault.busyPage = page;
      return Outcome.AGAIN;
    }
    if (pages.object(page) != PageArray.NO_OBJECT || pages.wireCount(page) == 0) {
      throw new VmPanic("%s supplies %s".formatted(range, pages.describe(page)));
    }
    boolean storable = Access.allows(fault.entry().access(), Access.WRITE);
    fault
        .space
        .pmap()
        .enter(fault.address, page, storable && !fault.space.isFrozen(), fault.stores());
    entering.hold(fault, page);
    parts.busy().unbusy(page);
    return Outcome.MINOR;
  }

  private static int supply(Fault fault, SuppliedRange range) {
    long pindex = range.pindex(fault.address);
    int page;
    try {
      page = range.supplier().supply(fault.self, range, pindex);
    } catch (VmPanic | MachineHaltedException broken) {
      throw broken;
    } catch (RuntimeException failure) {
      AccessViolationException refused = violation(fault, range, pindex, failure.getMessage());
      refused.initCause(failure);
      throw refused;
    }
    if (page == PageSupplier.REFUSED) {
      throw violation(fault, range, pindex, "there is none");
    }
    return page;
  }

  private static AccessViolationException violation(
      Fault fault, SuppliedRange range, long pindex, @Nullable String why) {
    return new AccessViolationException(
        fault.address,
        FaultHandler.name(fault.write ? Access.WRITE : Access.READ),
        "page %d of %s: %s".formatted(pindex, range.supplier(), why));
  }
}
