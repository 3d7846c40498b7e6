package org.pondhawk.vm.check;

import java.util.BitSet;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.stats.CheckReport;

/// Checks every invariant of a machine, read-only.
///
/// **Contract.** No other thread uses the machine meanwhile; the daemons are paused by the check.
/// What it finds is reported, never mended. It costs a walk over all pages and page tables, and one
/// read for each clean page that has a copy in swap.
public final class VmCheck {
  private VmCheck() {}

  /// Checks a machine.
  public static CheckReport run(Machine machine) {
    Findings findings = new Findings();
    Throwable halted = machine.haltSwitch().cause();
    findings.require(halted == null, "the machine is halted: %s", String.valueOf(halted));
    machine.collapser().pause(); // first, as it may be waiting for memory that the daemon finds
    machine.daemon().pause();
    machine.zeroer().pause();
    try {
      machine.page().stats().rollup();
      BitSet queued = new QueueCheck(machine, findings).run();
      new ColorCheck(machine, findings).run();
      new LifeCheck(machine, findings).run();
      machine.segments().problems().forEach(line -> findings.require(false, "%s", line));
      new MappingCheck(machine, findings).run();
      new LeaseCheck(machine, findings).run();
      BitSet runs = new ContigCheck(machine, findings).run();
      new ObjectCheck(machine, findings).run(queued, runs);
    } finally {
      machine.zeroer().resume();
      machine.collapser().resume();
      machine.daemon().resume();
    }
    return findings.report();
  }
}
