package org.pondhawk.testkit;

import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Residency;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.OutOfPagesException;

/// What a [RandomUser] wires and unwires: whether it may, by its model, and whether the pages are
/// there then.
final class WiringSteps {
  private final int pageSize;

  WiringSteps(int pageSize) {
    this.pageSize = pageSize;
  }

  /// Wires pages.
  ///
  /// @return what is wrong, or an empty string
  String wire(AddressSpace space, ModelSpace model, long page, long count) {
    boolean may = model.allMapped(page, count) && model.isReadable(page, count);
    try {
      space.wire(page * pageSize, count * pageSize);
      model.wire(page, count);
      return may ? allResident(space, page, count) : "wired what must not be wired";
    } catch (AccessViolationException e) {
      return may ? "refused without a reason: " + e : "";
    } catch (OutOfPagesException _) {
      return ""; // others wire as well
    }
  }

  private String allResident(AddressSpace space, long page, long count) {
    Residency seen = space.residency(page * pageSize, count * pageSize);
    return seen.residentCount() == count ? "" : "wired, but resident is only " + seen;
  }

  /// Unwires pages.
  ///
  /// @return what is wrong, or an empty string
  String unwire(AddressSpace space, ModelSpace model, long page, long count) {
    boolean may = model.allWired(page, count);
    try {
      space.unwire(page * pageSize, count * pageSize);
      model.unwire(page, count);
      return may ? "" : "unwired what was not wired";
    } catch (AccessViolationException e) {
      return may ? "refused without a reason: " + e : "";
    }
  }
}
