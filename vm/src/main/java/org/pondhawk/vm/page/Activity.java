package org.pondhawk.vm.page;

/// The steps of a page's activity count (`ACT_INIT`, `ACT_ADVANCE`, `ACT_DECLINE`, `ACT_MAX`).
public final class Activity {
  /// What a page that becomes active has at least.
  public static final int INIT = 5;

  /// What a reference adds.
  public static final int ADVANCE = 3;

  /// What a scan without a reference takes away.
  public static final int DECLINE = 1;

  /// The most it can be.
  public static final int MAX = 64;

  private Activity() {}
}
