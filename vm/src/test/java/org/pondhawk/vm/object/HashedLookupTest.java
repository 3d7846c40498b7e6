package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.VmConfig;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.page.PageArray;

/// A machine whose faults ask the page hash first.
class HashedLookupTest {
  private static final long PAGE = 4096;
  private static final int PAGES = 64;
  private static final int CHILDREN = 4;

  private final Machine[] made = new Machine[1];

  private VirtualMemory boot(long entries, long byHash) {
    Seams seams =
        new Seams() {
          @Override
          public void booted(Machine machine) {
            made[0] = machine;
          }
        };
    return VirtualMemory.boot(
        VmConfig.builder()
            .physicalMemory(16L << 20)
            .tunable("vm.page_hash_entries", entries)
            .tunable("vm.fault_by_hash", byHash)
            .build(),
        seams);
  }

  @Test
  void findsWhatChildrenShareAndWhatTheyStored() {
    try (VirtualMemory vm = boot(-1, 1);
        AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      long base = space.map(PAGES * PAGE, Protection.READ_WRITE);
      for (int i = 0; i < PAGES; i++) {
        view.putLong(base + i * PAGE, i);
      }
      for (int child = 1; child <= CHILDREN; child++) {
        try (AddressSpace fork = space.fork();
            View its = fork.view()) {
          readAll(its, base);
          its.putLong(base + child * PAGE, -child);
          assertThat(its.getLong(base + child * PAGE)).isEqualTo(-child);
          readAll(view, base);
        }
      }
      assertThat(known()).as("pages that the hash knows").isPositive();
      assertThat(vm.check().summary()).isEqualTo("clean");
    }
  }

  private static void readAll(View view, long base) {
    for (int i = 0; i < PAGES; i++) {
      assertThat(view.getLong(base + i * PAGE)).isEqualTo(i);
    }
  }

  private int known() {
    Machine machine = made[0];
    PageHash hash = machine.pageOperations().hash();
    int known = 0;
    for (VmObject object : machine.objects().all()) {
      for (long at = 0; at < object.size(); at++) {
        int page = hash.get(object, at);
        if (page != PageArray.NONE) {
          machine.page().busy().dropSoftBusy(page);
          known++;
        }
      }
    }
    return known;
  }

  @Test
  void believesTheHashBeforeTheIndex() {
    try (VirtualMemory vm = boot(4096, 1);
        AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      long base = space.map(PAGE, Protection.READ_WRITE);
      view.putLong(base, 1);
      Machine machine = made[0];
      VmObject object = machine.objects().all().getFirst();
      PageArray pages = machine.page().pages();
      int page = object.resident().get(0);
      pages.setFlags(page, org.pondhawk.vm.page.PageFlags.MAPPED_MULTI);
      PageHash hash = machine.pageOperations().hash();
      PageLookup lookup = new HashedLookup(pages, machine.page().busy(), hash);
      assertThat(lookup.tryBusy(object, 0)).as("from the index").isEqualTo(page);
      machine.page().busy().unbusy(page);
      assertThat(lookup.tryBusy(object, 1)).isEqualTo(PageLookup.ABSENT);
      object.resident().remove(0);
      assertThat(lookup.tryBusy(object, 0)).as("from the hash").isEqualTo(page);
      machine.page().busy().unbusy(page);
      var self = machine.newThread("test");
      machine.nodes().preload(self);
      object.resident().put(self, 0, page);
      machine.nodes().unload(self);
    }
  }

  @Test
  void takesItsMemoryFromTheBudget() {
    long without;
    try (VirtualMemory vm = boot(0, 1)) {
      without = vm.statistics().pageCount();
      assertThat(made[0].pageOperations().hash().entryCount()).isZero();
    }
    try (VirtualMemory vm = boot(-1, 0)) {
      assertThat(made[0].pageOperations().hash().entryCount()).isEqualTo(4096);
      assertThat(without - vm.statistics().pageCount()).isBetween(31L, 32L);
      assertThat(made[0].memory().breakdown()).containsEntry("page hash", 4096L * 32);
    }
  }
}
