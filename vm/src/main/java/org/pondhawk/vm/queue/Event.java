package org.pondhawk.vm.queue;

/// What the machine counts as it happens (the reference's `vmmeter`).
public enum Event {
  /// Faults that needed no I/O.
  FAULT_MINOR,
  /// Faults that read from backing store.
  FAULT_MAJOR,
  /// Pages zero-filled on demand (`v_zfod`).
  ZERO_FILL,
  /// Pages zero-filled on demand whose frames were zero already (`v_ozfod`).
  ZERO_FILL_READY,
  /// Frames zeroed before they were asked for (`cnt_prezero`).
  ZEROED_AHEAD,
  /// Pages copied because a store must not be seen by others (`v_cow_faults`).
  COPIED,
  /// Pages moved instead of copied, because nobody else could see them any more (`v_cow_optim`).
  MOVED,
  /// Pages and swap blocks freed because every chain hid them.
  HIDDEN_FREED,
  /// Elements taken out of chains.
  COLLAPSED,
  /// Elements cut off chains after what could be seen of them was copied.
  CUT_OFF,
  /// Forks that copied themselves because their space's chains were too deep.
  DEEP_FORKS,
  /// Steps that shortened chains.
  COLLAPSE_STEPS,
  /// Address spaces forked (`v_forks`).
  FORKS,
  /// Read requests to swap (`v_swapin`).
  SWAP_IN,
  /// Pages read from swap (`v_swappgsin`).
  SWAP_PAGES_IN,
  /// Pages read from swap along with one that was asked for.
  READ_AHEAD,
  /// Write requests to swap (`v_swapout`).
  SWAP_OUT,
  /// Pages written to swap (`v_swappgsout`).
  SWAP_PAGES_OUT,
  /// Pages read by the pagers of objects that have their own (`v_vnodepgsin`).
  FILE_PAGES_IN,
  /// Write requests to pagers of objects that have their own (`v_vnodeout`).
  FILE_OUT,
  /// Pages written by them (`v_vnodepgsout`).
  FILE_PAGES_OUT,
  /// Pages that left the cache queues for use (`v_reactivated`).
  REACTIVATED,
  /// Working passes of the pageout daemon (`v_pdwakeups`).
  DAEMON_PASSES,
  /// Pages that the daemon looked at (`v_pdpages`).
  PAGES_SCANNED,
  /// Pages that the daemon freed (`v_dfree`).
  DAEMON_FREED,
  /// Pages freed in all (`v_tfree`).
  FREED,
  /// Times that sleepers for memory were woken (`v_ppwakeups`).
  WAITER_WAKEUPS,
  /// Faults that found their page in transit (`v_intrans`).
  IN_TRANSIT,
  /// Times that a thread slept for memory.
  MEMORY_WAITS,
  /// Times that the pageout daemon slept for memory itself.
  DAEMON_WAITS,
  /// Address spaces condemned so that others get memory (`P_LOWMEMKILL`).
  CONDEMNED,
  /// Pages freed because their object was taken down (`v_pfree`).
  OBJECT_FREED,
  /// Page table memory taken or given back, in frames.
  TABLE_FRAMES;

  static final int SIZE = values().length;
}
