package org.pondhawk.vm.object;

/// What backs an object (`OBJT_*`).
public enum ObjectKind {
  /// Nothing until a page must be written out, then swap (`OBJT_DEFAULT`, `OBJT_SWAP`).
  ANONYMOUS,
  /// A store of its user's: a file, or what is to be seen as one (`OBJT_VNODE`).
  FILE,
  /// Memory that is not the machine's, shown by fictitious pages (`OBJT_DEVICE`).
  DEVICE,
  /// Nothing: its pages stay in memory for as long as it lives (`OBJT_PHYS`).
  PHYSICAL;

  /// Whether an object of this kind has its pager from the start and for good. Its pages are shown
  /// to everybody who opens it: they are never moved to another object, and nobody but its pager
  /// says where they end.
  public boolean hasOwnPager() {
    return this != ANONYMOUS;
  }
}
