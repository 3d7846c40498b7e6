package org.pondhawk.vm.boot;

import java.util.List;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.VmStats;

/// The counters of the reference's `vmmeter` that this machine keeps: sums over the processors
/// under `vm.stats.vm.` (`vcnt`, `do_vmmeter`), and those of one processor (`do_vmmeter_pcpu`).
enum Meter {
  VM_FAULTS("v_vm_faults", "Faults, with I/O and without.", Event.FAULT_MINOR, Event.FAULT_MAJOR),
  COW_FAULTS(
      "v_cow_faults", "Pages copied because a store must not be seen by others.", Event.COPIED),
  COW_OPTIM("v_cow_optim", "Pages moved up a chain in place of being copied.", Event.MOVED),
  ZFOD("v_zfod", "Pages zero-filled on demand.", Event.ZERO_FILL),
  OZFOD("v_ozfod", "Zero-fills that found a frame zeroed before.", Event.ZERO_FILL_READY),
  SWAPIN("v_swapin", "Read requests to swap.", Event.SWAP_IN),
  SWAPOUT("v_swapout", "Write requests to swap.", Event.SWAP_OUT),
  SWAPPGSIN("v_swappgsin", "Pages read from swap.", Event.SWAP_PAGES_IN),
  SWAPPGSOUT("v_swappgsout", "Pages written to swap.", Event.SWAP_PAGES_OUT),
  INTRANS("v_intrans", "Faults that found their page busy.", Event.IN_TRANSIT),
  REACTIVATED("v_reactivated", "Pages that left the cache for use.", Event.REACTIVATED),
  PDWAKEUPS("v_pdwakeups", "Working passes of the pageout daemon.", Event.DAEMON_PASSES),
  PPWAKEUPS("v_ppwakeups", "Times that sleepers for memory were woken.", Event.WAITER_WAKEUPS),
  PDPAGES("v_pdpages", "Pages that the daemon looked at.", Event.PAGES_SCANNED),
  DFREE("v_dfree", "Pages that the daemon freed.", Event.DAEMON_FREED),
  PFREE("v_pfree", "Pages freed with their object, or their range of it.", Event.OBJECT_FREED),
  TFREE("v_tfree", "Pages freed in all.", Event.FREED),
  FORKS("v_forks", "Address spaces forked.", Event.FORKS);

  final String label;
  final String what;

  @SuppressWarnings("ImmutableEnumChecker") // made by List.of
  private final List<Event> events;

  Meter(String label, String what, Event... events) {
    this.label = label;
    this.what = what;
    this.events = List.of(events);
  }

  /// How often it has happened since boot.
  long total(VmStats stats) {
    return events.stream().mapToLong(stats::total).sum();
  }

  /// How often it has happened on one processor's stripe.
  long total(VmStats stats, int stripe) {
    return events.stream().mapToLong(event -> stats.total(stripe, event)).sum();
  }
}
