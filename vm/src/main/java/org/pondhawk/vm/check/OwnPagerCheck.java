package org.pondhawk.vm.check;

import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.object.ObjectKind;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;

/// Checks the pages of objects that have pagers of their own. What is behind them only their pager
/// knows; whether a clean page is the same is for a test to see that has the store.
final class OwnPagerCheck {
  private OwnPagerCheck() {}

  /// Checks a resident page.
  static void check(Machine machine, Findings findings, VmObject object, int page) {
    PageArray pages = machine.page().pages();
    boolean fictitious = pages.hasFlag(page, PageFlags.FICTITIOUS);
    boolean unqueued = pages.hasFlag(page, PageFlags.UNQUEUED);
    findings.require(pages.isFullyValid(page), "%s: no content: %s", object, pages.describe(page));
    findings.require(
        !pages.hasFlag(page, PageFlags.SWAPPED),
        "%s has a pager of its own, but swaps: %s",
        object,
        pages.describe(page));
    findings.require(
        fictitious == (object.kind() == ObjectKind.DEVICE),
        "%s has a page of another kind: %s",
        object,
        pages.describe(page));
    findings.require(
        unqueued == (object.kind() != ObjectKind.FILE),
        "%s: a page that the daemon %s: %s",
        object,
        unqueued ? "does not see" : "sees",
        pages.describe(page));
    boolean dirty = pages.dirty(page) != 0 || pages.hasFlag(page, PageFlags.WRITABLE);
    findings.require(
        !dirty || object.kind() != ObjectKind.FILE || object.isMaybeDirty(),
        "%s is said to be clean, but: %s",
        object,
        pages.describe(page));
  }
}
