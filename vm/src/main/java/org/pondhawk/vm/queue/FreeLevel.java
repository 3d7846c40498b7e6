package org.pondhawk.vm.queue;

/// One of the levels of [FreeLevels], by its name, so that it can be set alone.
public enum FreeLevel {
  /// Below it, faults wait.
  MIN("v_free_min"),
  /// Below it, free pages are for the machine's own threads.
  RESERVED("v_free_reserved"),
  /// Below it, no fault may allocate.
  SEVERE("v_free_severe"),
  /// At it, a starved daemon is woken.
  PAGEOUT_MIN("v_pageout_free_min"),
  /// The last pages, for those who can't wait.
  INTERRUPT_MIN("v_interrupt_free_min"),
  /// Below it, waiters are kept waiting between passes.
  PAGING_WAIT("v_paging_wait"),
  /// Below it, the daemon runs.
  PAGING_START("v_paging_start"),
  /// What a first pass aims at.
  TARGET1("v_paging_target1"),
  /// What the daemon stops at.
  TARGET2("v_paging_target2"),
  /// What the cache scan refills the free queues to.
  FREE_TARGET("v_free_target"),
  /// How many inactive pages there should be.
  INACTIVE_TARGET("v_inactive_target"),
  /// How many dirty pages a pass may write.
  MAX_LAUNDER("max_launder");

  static final int SIZE = values().length;

  private final String label;

  FreeLevel(String label) {
    this.label = label;
  }

  /// The reference's name, without the `vm.` before it.
  public String label() {
    return label;
  }
}
