package org.pondhawk.vm.map;

import org.pondhawk.vm.sync.VmThread;

/// Supplies the pages of ranges that show no object: memory that the machine shares with its users
/// (the callback of `UKSMAP`).
///
/// **Contract.** Every range that becomes part of a map is [#added] once (`UKSMAPOP_ADD`) and
/// [#removed] once (`UKSMAPOP_REM`), as it was added: at a split the parts are added before the
/// whole is removed. All three are called with the map locked: they take no map's lock, never sleep
/// and do not call the machine from outside. A page stays what it is while a range that has it is
/// in a map; when the range is removed no thread can reach the page through it any more.
public interface PageSupplier {
  /// There is no such page: the access is a violation.
  int REFUSED = -1;

  /// There is no memory for it now: the access waits for some, and asks again.
  int NO_MEMORY = -2;

  /// Notes a range that becomes part of a map (`UKSMAPOP_ADD`).
  ///
  /// @throws RuntimeException to refuse it: what was to be done is not done, and whoever asked for
  ///   it gets the exception
  void added(SuppliedRange range);

  /// Notes that a range is not part of a map any more (`UKSMAPOP_REM`).
  void removed(SuppliedRange range);

  /// The page that a range shows (`UKSMAPOP_FAULT`).
  ///
  /// @param pindex the supplier's number of the page, which may be beyond what it has
  /// @return a wired page of no object with good bytes, which nobody is left to have busy for long;
  ///   [#REFUSED] or [#NO_MEMORY]
  /// @throws RuntimeException as for [#REFUSED]; its message says why
  int supply(VmThread self, SuppliedRange range, long pindex);
}
