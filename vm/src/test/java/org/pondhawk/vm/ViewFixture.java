package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import org.pondhawk.vm.boot.Seams;

/// A machine of the least memory, with swap and poisoned frames, and one space with a view of this
/// thread: what maps a few times the memory evicts all the time.
final class ViewFixture implements AutoCloseable {
  private static final long SWAP_BYTES = 64L << 20;

  final VirtualMemory vm;
  final AddressSpace space;
  final View view;
  final int pageSize;

  /// Boots it.
  ///
  /// @param spareFrames how many frames more than the least
  ViewFixture(int pageSize, int spareFrames, Seams seams) {
    this(pageSize, spareFrames, seams, PageTables.AUTO);
  }

  private ViewFixture(int pageSize, int spareFrames, Seams seams, PageTables tables) {
    VmConfig.Builder config =
        VmConfig.builder()
            .pageSize(pageSize)
            .swap(SWAP_BYTES)
            .pageTables(tables)
            .poisonFreedFrames(true);
    long least = config.build().minimumPhysicalMemory();
    config.physicalMemory(least + (long) spareFrames * (pageSize + 64));
    this.vm = VirtualMemory.boot(config.build(), seams);
    this.pageSize = pageSize;
    this.space = vm.newAddressSpace();
    this.view = space.view();
  }

  /// One whose page tables have a form.
  ViewFixture(int pageSize, PageTables tables) {
    this(pageSize, 0, Seams.SOUND, tables);
  }

  ViewFixture(int pageSize) {
    this(pageSize, 0, Seams.SOUND);
  }

  /// How many bytes the machine has frames for.
  long frameBytes() {
    return vm.statistics().pageCount() * pageSize;
  }

  /// Maps twice of what there are frames for, in whole pages, so that using all of it evicts.
  long mapTwiceTheMemory() {
    return space.map(2 * frameBytes(), Protection.READ_WRITE);
  }

  /// Requires that the machine is whole, and that the view's guard was left.
  void check() {
    assertThat(vm.check().summary()).isEqualTo("clean");
    assertThat(vm.machine().grace().isOver(vm.machine().grace().begin()))
        .as("nobody is inside a guard")
        .isTrue();
  }

  @Override
  public void close() {
    try {
      check();
    } finally {
      view.close();
      vm.close();
    }
  }
}
