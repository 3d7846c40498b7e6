package org.pondhawk.vm.boot;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.fault.Fault;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.Processors;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.mem.Topology;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.pmap.TableForm;
import org.pondhawk.vm.queue.Pressure;
import org.pondhawk.vm.stats.PhysicalRange;
import org.pondhawk.vm.swap.SwapFileSpec;
import org.pondhawk.vm.sync.VmThread;

/// A machine for tests below the public surface: its clock is the test's, and nobody runs the
/// daemon but the test, pass by pass.
public final class TestMachine implements AutoCloseable {
  public static final int PAGE_SIZE = 4096;
  private static final int PASSES = 400;
  private static final Topology TWO = Topology.unknown(2);

  public final AtomicLong clock = new AtomicLong();

  /// The number of the processor that every thread of the machine runs on.
  public final AtomicInteger cpu = new AtomicInteger();

  public final Machine vm;
  public final VmThread self;
  private final TableForm tables;
  private final Topology topology;
  private final Map<String, Long> chosen;

  /// A machine with so many frames, that poisons freed ones.
  ///
  /// @param swapDirectory where swap goes, or null for none
  public TestMachine(int frames, @Nullable Path swapDirectory, long swapBytes) {
    this(frames, swapDirectory, swapBytes, TableForm.LINEAR);
  }

  /// A machine with so many bytes more, kept for runs of neighbouring frames.
  public TestMachine(int frames, @Nullable Path swapDirectory, long swapBytes, long reserveBytes) {
    this(
        frames,
        reserveBytes,
        swapDirectory,
        swapBytes,
        TableForm.LINEAR,
        FaultSpec.PLAIN,
        TWO,
        Map.of());
  }

  /// A machine whose page tables have a form.
  public TestMachine(int frames, @Nullable Path swapDirectory, long swapBytes, TableForm tables) {
    this(frames, 0, swapDirectory, swapBytes, tables, FaultSpec.PLAIN, TWO, Map.of());
  }

  /// A machine with so many frames and no swap, whose faults are served in some way.
  public TestMachine(int frames, FaultSpec faults) {
    this(frames, 0, null, 0, TableForm.LINEAR, faults, TWO, Map.of());
  }

  /// A machine with so many frames and no swap, on processors of which number n is the n-th.
  public TestMachine(int frames, Topology topology) {
    this(frames, topology, Map.of());
  }

  /// The same with tunables that somebody chose.
  public TestMachine(int frames, Topology topology, Map<String, Long> chosen) {
    this(frames, 0, null, 0, TableForm.LINEAR, FaultSpec.PLAIN, topology, chosen);
  }

  /// A machine whose memory lies in ranges of physical addresses.
  ///
  /// @param swapDirectory where swap goes, or null for none
  public TestMachine(
      List<PhysicalRange> ranges, long reserveBytes, @Nullable Path swapDirectory, long swapBytes) {
    this.tables = TableForm.LINEAR;
    this.topology = TWO.asComputer();
    this.chosen = Map.of();
    SwapFileSpec swap =
        swapDirectory == null ? null : SwapFileSpec.anonymous(swapDirectory, swapBytes, PAGE_SIZE);
    long bytes = MachineSpec.bytesOf(ranges, PAGE_SIZE);
    MachineSpec spec = spec(bytes, ranges, reserveBytes, swap, FaultSpec.PLAIN);
    vm = new Machine(spec, Seams.SOUND, Runnable::run);
    self = vm.newThread("test");
  }

  /// A machine with so many frames and no swap, and values of its tunables.
  public TestMachine(int frames, Map<String, Long> chosen) {
    this(frames, 0, null, 0, TableForm.LINEAR, FaultSpec.PLAIN, TWO, chosen);
  }

  /// A machine with so many frames, and swap, and values of its tunables.
  public TestMachine(int frames, Path swapDirectory, long swapBytes, Map<String, Long> chosen) {
    this(frames, 0, swapDirectory, swapBytes, TableForm.LINEAR, FaultSpec.PLAIN, TWO, chosen);
  }

  private TestMachine(
      int frames,
      long reserveBytes,
      @Nullable Path swapDirectory,
      long swapBytes,
      TableForm tables,
      FaultSpec faults,
      Topology topology,
      Map<String, Long> chosen) {
    this.chosen = chosen;
    this.tables = tables;
    this.topology = topology.asComputer();
    SwapFileSpec swap =
        swapDirectory == null ? null : SwapFileSpec.anonymous(swapDirectory, swapBytes, PAGE_SIZE);
    int reserve = (int) ((reserveBytes + PAGE_SIZE - 1) / PAGE_SIZE);
    long bytes = spec(0, List.of(), reserveBytes, swap, faults).bytesFor(frames + reserve);
    MachineSpec spec = spec(bytes, List.of(), reserveBytes, swap, faults);
    vm = new Machine(spec, Seams.SOUND, Runnable::run);
    self = vm.newThread("test");
  }

  /// A machine with so many frames and no swap.
  public TestMachine(int frames) {
    this(frames, null, 0);
  }

  private MachineSpec spec(
      long bytes,
      List<PhysicalRange> ranges,
      long reserveBytes,
      @Nullable SwapFileSpec swap,
      FaultSpec faults) {
    return new MachineSpec(
        bytes,
        ranges,
        PAGE_SIZE,
        reserveBytes,
        swap,
        16,
        new Processors(topology, cpu::get),
        1L << 40,
        tables,
        true,
        1_000_000_000L,
        1_000_000_000L,
        true,
        faults,
        clock::get,
        chosen);
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
    return vm.page().pages().pageAt(Pte.frame(space.pmap().entry(address)));
  }

  @Override
  public void close() {
    vm.nodes().unload(self);
    vm.close();
  }
}
