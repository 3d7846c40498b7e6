package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pondhawk.testkit.Machines.MEBIBYTE;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.error.OutOfPagesException;

/// More is stored than memory and swap can hold.
@Timeout(120)
class SwapExhaustionTest {
  private static final int PAGE = 4096;
  private static final int THREADS = 4;
  private static final long SWAP = 4 * MEBIBYTE;
  private static final long EACH = 8 * MEBIBYTE;
  private static final long BOUND_SECONDS = 20;

  private final ExecutorService executor = Executors.newFixedThreadPool(THREADS);

  @AfterEach
  void endThreads() {
    executor.shutdownNow();
  }

  /// A thread's space, and how far it came.
  private record Filled(AddressSpace space, long base, long bytes) {}

  @Test
  void refusesEveryThreadAndLosesNothing() throws Exception {
    try (VirtualMemory vm = VirtualMemory.boot(Machines.tiny(PAGE, SWAP).build())) {
      List<Filled> all = fillFromThreads(vm);

      Machines.requireClean(vm, all);
      assertThat(all).allMatch(filled -> filled.bytes < EACH);
      Filled first = all.getFirst();
      first.space.close();
      for (Filled filled : all.subList(1, all.size())) {
        requireContent(filled);
      }
      requireWorks(vm);
      Machines.requireClean(vm, all);
      all.forEach(filled -> filled.space.close());
      MachineModelTest.requireNothingLeft(vm);
    }
  }

  @Test
  void refusesWithoutSwapAsWell() {
    try (VirtualMemory vm = VirtualMemory.boot(Machines.tiny(PAGE, 0).build());
        AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      long base = space.map(EACH, Protection.READ_WRITE);

      assertThatThrownBy(
              () -> {
                for (long at = base; at < base + EACH; at += PAGE) {
                  view.putLong(at, at);
                }
              })
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("out of pages");

      Machines.requireClean(vm, vm);
      space.unmap(base, EACH / 2);
      requireWorks(vm);
    }
  }

  private List<Filled> fillFromThreads(VirtualMemory vm) throws Exception {
    List<Future<Filled>> threads = new ArrayList<>();
    for (int i = 0; i < THREADS; i++) {
      threads.add(executor.submit(() -> fill(vm)));
    }
    List<Filled> all = new ArrayList<>();
    // Refused because swap is full, and not after a thread's patience has run out.
    for (Future<Filled> thread : threads) {
      all.add(thread.get(BOUND_SECONDS, TimeUnit.SECONDS));
    }
    return all;
  }

  private static Filled fill(VirtualMemory vm) {
    AddressSpace space = vm.newAddressSpace();
    long base = space.map(EACH, Protection.READ_WRITE);
    long done = 0;
    try (View view = space.view()) {
      for (; done < EACH; done += PAGE) {
        view.putLong(base + done, base + done + 1);
      }
    } catch (OutOfPagesException _) {
      return new Filled(space, base, done);
    }
    return new Filled(space, base, done);
  }

  private static void requireContent(Filled filled) {
    try (View view = filled.space.view()) {
      for (long at = filled.base; at < filled.base + filled.bytes; at += PAGE) {
        assertThat(view.getLong(at)).isEqualTo(at + 1);
      }
    }
  }

  private static void requireWorks(VirtualMemory vm) {
    try (AddressSpace space = vm.newAddressSpace();
        View view = space.view()) {
      long base = space.map(MEBIBYTE, Protection.READ_WRITE);
      for (long at = base; at < base + MEBIBYTE; at += PAGE) {
        view.putLong(at, at);
      }
      for (long at = base; at < base + MEBIBYTE; at += PAGE) {
        assertThat(view.getLong(at)).isEqualTo(at);
      }
    }
  }
}
