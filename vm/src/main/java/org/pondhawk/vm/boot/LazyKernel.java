package org.pondhawk.vm.boot;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.kmem.Kernel;
import org.pondhawk.vm.kmem.KernelParts;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.map.SpaceLeases;
import org.pondhawk.vm.sync.VmThread;

/// The kernel memory of a machine, made when it is first asked for: most machines need none, and it
/// takes addresses.
final class LazyKernel {
  /// The number of its space, which no other has.
  private static final long SPACE_ID = 0;

  private final Supplier<Kernel> maker;
  private volatile @Nullable Kernel made;
  private boolean closing;

  LazyKernel(Machine machine, Space.Parts parts, Spaces.Maker maker) {
    this.maker =
        () -> {
          VmThread freeing = new VmThread("kmem", 0, true, 0).endsWith(machine.haltSwitch());
          return new Kernel(
              new KernelParts(machine.page(), parts, machine.owner(), machine.contig(), freeing),
              maker.make(SPACE_ID, machine.spec().kernelRange()));
        };
  }

  synchronized Kernel get() {
    if (closing) {
      throw new IllegalStateException("the machine is closed");
    }
    Kernel kernel = made;
    if (kernel == null) {
      kernel = maker.get();
      made = kernel;
    }
    return kernel;
  }

  @Nullable Kernel peek() {
    return made;
  }

  /// The spaces of a list, and its own if it is open.
  List<Space> with(List<Space> open) {
    List<Space> all = new ArrayList<>(open);
    Kernel kernel = peek();
    if (kernel != null && !kernel.space().isClosed()) {
      all.add(kernel.space());
    }
    return all;
  }

  /// Closes it behind the other spaces, all or none if a lease is in the way.
  ///
  /// @param halted whether nothing is to be touched any more
  /// @param others closes the other spaces
  /// @throws org.pondhawk.vm.error.LeaseHeldException if a lease is not given back in time
  void closeAfter(VmThread self, boolean halted, Runnable others) {
    Kernel kernel = peek();
    if (kernel == null || halted) {
      others.run();
      setClosing();
      return;
    }
    SpaceLeases leases = kernel.space().leases();
    SpaceLeases.Stop stop = leases.stop(self, "close", 0, kernel.space().map().range(), false);
    try {
      others.run();
      setClosing();
      kernel.close(self);
    } finally {
      leases.resume(stop);
    }
  }

  private synchronized void setClosing() {
    closing = true;
  }
}
