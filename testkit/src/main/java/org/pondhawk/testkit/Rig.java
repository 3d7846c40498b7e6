package org.pondhawk.testkit;

import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.VmConfig;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.fault.CopyOnWrite;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.swap.SwapIo;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Ticker;

/// A whole running machine, and a way to its parts.
public final class Rig implements AutoCloseable {
  private final VirtualMemory vm;
  private final Machine machine;

  private Rig(VirtualMemory vm, Machine machine) {
    this.vm = vm;
    this.machine = machine;
  }

  /// Boots a machine with some parts replaced.
  public static Rig boot(VmConfig config, Seams seams) {
    AtomicReference<@Nullable Machine> made = new AtomicReference<>();
    VirtualMemory vm = VirtualMemory.boot(config, new Noting(seams, made));
    Machine machine = made.get();
    if (machine == null) {
      throw new VmPanic("the machine was not made known");
    }
    return new Rig(vm, machine);
  }

  /// Boots a machine as it should be.
  public static Rig boot(VmConfig config) {
    return boot(config, Seams.SOUND);
  }

  /// The machine as its users see it.
  public VirtualMemory vm() {
    return vm;
  }

  /// The machine as its parts see it.
  public Machine machine() {
    return machine;
  }

  /// The inside of the address space that was made last.
  public Space insideOf(AddressSpace last) {
    Space space = machine.spaces().getLast();
    if (!last.name().endsWith(" " + space.id())) {
      throw new IllegalArgumentException(last + " is not the one that was made last");
    }
    return space;
  }

  @Override
  public void close() {
    vm.close();
  }

  /// The parts of others, and a note of the machine that was made of them.
  private record Noting(Seams parts, AtomicReference<@Nullable Machine> made) implements Seams {
    @Override
    public Grace grace(boolean asymmetric, Ticker ticker, long patienceNanos, HaltSwitch halt) {
      return parts.grace(asymmetric, ticker, patienceNanos, halt);
    }

    @Override
    public PageBusy busy(PageArray pages) {
      return parts.busy(pages);
    }

    @Override
    public Function<Mappings, Mappings> mappings(PageArray pages) {
      return parts.mappings(pages);
    }

    @Override
    public CopyOnWrite copyOnWrite(PageParts page, ObjectOwner owner, Mappings mappings) {
      return parts.copyOnWrite(page, owner, mappings);
    }

    @Override
    public SwapIo swapIo(SwapIo sound) {
      return parts.swapIo(sound);
    }

    @Override
    public int pagesInFlight(int frameCount) {
      return parts.pagesInFlight(frameCount);
    }

    @Override
    public void booted(Machine machine) {
      made.set(machine);
      parts.booted(machine);
    }
  }
}
