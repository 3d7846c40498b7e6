package org.pondhawk.vm.boot;

import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.fault.Fault;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.queue.Pressure;
import org.pondhawk.vm.swap.SwapFileSpec;
import org.pondhawk.vm.sync.VmThread;

/// A machine for tests below the public surface: its clock is the test's, and nobody runs the
/// daemon but the test, pass by pass.
public final class TestMachine implements AutoCloseable {
  public static final int PAGE_SIZE = 4096;
  private static final int PASSES = 400;

  public final AtomicLong clock = new AtomicLong();
  public final Machine vm;
  public final VmThread self;

  /// A machine with so many frames, that poisons freed ones.
  ///
  /// @param swapDirectory where swap goes, or null for none
  public TestMachine(int frames, @Nullable Path swapDirectory, long swapBytes) {
    this(frames, swapDirectory, swapBytes, 0);
  }

  /// The same with so many bytes more, kept for runs of neighbouring frames.
  public TestMachine(int frames, @Nullable Path swapDirectory, long swapBytes, long reserveBytes) {
    SwapFileSpec swap =
        swapDirectory == null ? null : SwapFileSpec.anonymous(swapDirectory, swapBytes, PAGE_SIZE);
    MachineSpec probe = spec(0, swap, reserveBytes);
    long bytes =
        probe.minimumBytes()
            + (long) (frames - MachineSpec.MIN_FRAMES)
                * (PAGE_SIZE + org.pondhawk.vm.page.PageArray.bytesFor(1, 0));
    vm = new Machine(spec(bytes, swap, reserveBytes), Seams.SOUND, Runnable::run);
    self = vm.newThread("test");
  }

  /// A machine with so many frames and no swap.
  public TestMachine(int frames) {
    this(frames, null, 0);
  }

  private MachineSpec spec(long bytes, @Nullable SwapFileSpec swap, long reserveBytes) {
    return new MachineSpec(
        bytes, PAGE_SIZE, swap, 2, 1L << 40, true, 1_000_000_000L, true, clock::get, reserveBytes);
  }

  public Pressure pressure() {
    return vm.page().gate().pressure();
  }

  /// Runs the daemon until memory is not short any more.
  public void relieve() {
    vm.page().stats().rollup();
    for (int i = 0; pressure().target2(0); i++) {
      if (i == PASSES) {
        throw new AssertionError("the daemon gets nowhere, sweep " + i);
      }
      vm.daemon().runPass();
      vm.page().stats().rollup();
    }
  }

  private long hit(Space space, long address, int access) {
    vm.page().stats().rollup();
    if (pressure().min(0, 0)) {
      relieve();
    }
    while (!space.pmap().touch(address, access == Access.WRITE)) {
      vm.faults().resolve(new Fault(self, space), address, access);
    }
    return Pte.frame(space.pmap().entry(address)) + (address & (PAGE_SIZE - 1));
  }

  /// Stores through the page table, faulting and paging as needed.
  public void put(Space space, long address, long value) {
    RawMemory.putLong(hit(space, address, Access.WRITE), value);
  }

  /// Loads through the page table, faulting and paging as needed.
  public long get(Space space, long address) {
    return RawMemory.getLong(hit(space, address, Access.READ));
  }

  /// Maps anonymous memory for loads and stores.
  public long map(Space space, long pages) {
    return space.mapAnywhere(PAGE_SIZE, pages * PAGE_SIZE, PAGE_SIZE, Access.READ | Access.WRITE);
  }

  /// The page behind a mapped address.
  public int pageAt(Space space, long address) {
    return vm.page().pages().frames().frameOf(Pte.frame(space.pmap().entry(address)));
  }

  @Override
  public void close() {
    vm.nodes().unload(self);
    vm.close();
  }
}
