package org.pondhawk.vm.pager;

/// What became of a page that a pager was asked to read or write (`VM_PAGER_*`).
public enum PagerResult {
  /// Done: read, the page is whole; written, its backing is as new as the page.
  OK,
  /// The request makes no sense for the object, as beyond its end.
  BAD,
  /// There is no data for this index; or, on writing, nowhere to put it.
  FAIL,
  /// Started; its completion comes later.
  PENDING,
  /// The transfer failed.
  ERROR,
  /// Something was short for now; the page stays dirty and is tried again.
  AGAIN
}
