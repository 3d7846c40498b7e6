package org.pondhawk.races;

import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.pondhawk.vm.boot.FaultSpec;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.boot.MachineSpec;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.mem.Processors;
import org.pondhawk.vm.mem.Topology;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pmap.TableForm;
import org.pondhawk.vm.sync.VmThread;

/// One machine for all states of a test, and pages of it to go round: many more than states that
/// are alive at a time.
public final class Ring {
  /// How many pages and addresses go round.
  public static final int SIZE = 1 << 16;

  private static final int PAGE_SIZE = 4096;

  /// The machine; no daemon runs on it.
  public static final Machine MACHINE =
      new Machine(
          new MachineSpec(
              2L * SIZE * PAGE_SIZE,
              List.of(),
              PAGE_SIZE,
              0,
              null,
              0,
              Processors.of(Topology.unknown(2)),
              1L << 32,
              TableForm.LINEAR,
              false,
              1,
              1,
              true,
              FaultSpec.PLAIN,
              () -> 0,
              Map.of()),
          Seams.SOUND,
          Runnable::run);

  private static final AtomicInteger LAST = new AtomicInteger();

  private Ring() {}

  /// The next place of the ring.
  public static int next() {
    return LAST.getAndIncrement() & (SIZE - 1);
  }

  /// The descriptors.
  public static PageArray pages() {
    return MACHINE.page().pages();
  }

  /// The record of a thread.
  public static VmThread thread() {
    return MACHINE.newThread("actor");
  }
}
