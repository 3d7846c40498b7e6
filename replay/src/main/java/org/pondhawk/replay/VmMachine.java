package org.pondhawk.replay;

import java.util.List;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VirtualMemory;

/// A real virtual memory as the machine of a replay.
final class VmMachine implements Machine {
  private final VirtualMemory vm;

  VmMachine(VirtualMemory vm) {
    this.vm = vm;
  }

  @Override
  public ProcessMemory newProcess() {
    return new SpaceMemory(vm.newAddressSpace());
  }

  @Override
  public MachineFigures figures() {
    return MachineFigures.of(vm.statistics());
  }

  @Override
  public List<String> check() {
    return vm.check().problems();
  }

  @Override
  public String show(Exhibit exhibit) {
    return switch (exhibit) {
      case PAGE -> vm.inspector().showPage();
      case PAGEQ -> vm.inspector().showPageQueues();
      case MAP -> vm.inspector().showMaps();
      case ZONE -> vm.inspector().showZones();
    };
  }

  @Override
  public void close() {
    vm.close();
  }

  private static final class SpaceMemory implements ProcessMemory {
    /// The end of the addresses that a space has unless it is told otherwise.
    private static final long SPACE_END = 1L << 40;

    private final AddressSpace space;
    private final View view;

    SpaceMemory(AddressSpace space) {
      this.space = space;
      this.view = space.view();
    }

    @Override
    public long map(long address, long bytes) {
      boolean fits = address >= 0 && address <= SPACE_END - bytes;
      return fits
          ? space.mapAt(address, bytes, Protection.READ_WRITE)
          : space.map(bytes, Protection.READ_WRITE);
    }

    @Override
    public long getLong(long address) {
      return view.getLong(address);
    }

    @Override
    public void putLong(long address, long value) {
      view.putLong(address, value);
    }

    @Override
    public void read(long address, byte[] into) {
      view.copyTo(address, into, 0, into.length);
    }

    @Override
    public void write(long address, byte[] from) {
      view.copyFrom(from, 0, from.length, address);
    }

    @Override
    public void close() {
      try (space) {
        view.close();
      }
    }
  }
}
