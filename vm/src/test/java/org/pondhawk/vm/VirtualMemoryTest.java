package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.stats.VmStatistics;

class VirtualMemoryTest {
  private static final long PAGE = 4096;

  @TempDir private Path folder;

  private static void soundThenClose(VirtualMemory vm) {
    assertThat(vm.check().problems()).isEmpty();
    vm.close();
  }

  @Nested
  class Booting {
    @ParameterizedTest
    @ValueSource(ints = {4 << 10, 16 << 10, 64 << 10})
    void withTheLeastMemoryWorksAndWithOneByteLessNamesIt(int pageSize) {
      VmConfig.Builder builder = VmConfig.builder().pageSize(pageSize).swap(64L * pageSize);
      long least = builder.build().minimumPhysicalMemory();

      assertThatThrownBy(() -> VirtualMemory.boot(builder.physicalMemory(least - 1).build()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining(Long.toString(least))
          .hasMessageContaining(Integer.toString(pageSize));

      VirtualMemory vm = VirtualMemory.boot(builder.physicalMemory(least).build());
      VmStatistics stats = vm.statistics();
      assertThat(stats.pageCount()).isEqualTo(256);
      assertThat(stats.freePages() + stats.wiredPages()).isEqualTo(256);
      assertThat(stats.swapTotalPages()).isEqualTo(64);
      soundThenClose(vm);
    }

    @Test
    void countsEverythingInTheBudget() {
      VirtualMemory vm = VirtualMemory.boot(VmConfig.builder().physicalMemory(16 << 20).build());
      long frames = vm.statistics().pageCount() * PAGE;
      assertThat(frames + vm.machine().memory().totalBytes()).isLessThanOrEqualTo(16 << 20);
      assertThat(frames + vm.machine().memory().totalBytes()).isGreaterThan((16 << 20) - 2 * PAGE);
      soundThenClose(vm);
    }

    @Test
    void withAForeignFileAsSwapIsRefusedAndTheFileUntouched() throws IOException {
      Path file = Files.writeString(folder.resolve("notes.txt"), "precious");
      VmConfig config = VmConfig.builder().swap(file, 1 << 20).build();
      assertThatThrownBy(() -> VirtualMemory.boot(config)).isInstanceOf(UncheckedIOException.class);
      assertThat(file).hasContent("precious");
    }

    @Test
    void andClosingLeavesNoFileBehind() {
      Path file = folder.resolve("swap");
      VirtualMemory vm = VirtualMemory.boot(VmConfig.builder().swap(file, 1 << 20).build());
      assertThat(file).exists();
      soundThenClose(vm);
      assertThat(folder).isEmptyDirectory();
    }
  }

  @Nested
  class AConfiguration {
    @Test
    void withSenselessNumbersIsRefusedByName() {
      VmConfig.Builder builder = VmConfig.builder();
      assertThatThrownBy(() -> builder.physicalMemory(0)).hasMessageContaining("physicalMemory=0");
      assertThatThrownBy(() -> builder.physicalMemory(-1))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> builder.pageSize(2048)).hasMessageContaining("pageSize=2048");
      assertThatThrownBy(() -> builder.pageSize(1 << 17))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> builder.pageSize(5000)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> builder.swap(-5)).hasMessageContaining("swap=-5");
      assertThatThrownBy(() -> builder.swap(folder, 0)).hasMessageContaining("swap=0");
      assertThatThrownBy(() -> builder.cpus(0)).hasMessageContaining("cpus=0");
      assertThatThrownBy(() -> builder.cpus(1025)).isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> builder.patience(Duration.ZERO)).hasMessageContaining("patience=0");
    }

    @Test
    void keepsWhatWasChosen() {
      VmConfig config =
          VmConfig.builder()
              .physicalMemory(5 << 20)
              .pageSize(8192)
              .swap(folder.resolve("s"), 9 << 20)
              .cpus(7)
              .poisonFreedFrames(true)
              .patience(Duration.ofSeconds(3))
              .build();
      assertThat(config.physicalMemory()).isEqualTo(5 << 20);
      assertThat(config.pageSize()).isEqualTo(8192);
      assertThat(config.swap()).isEqualTo(9 << 20);
      assertThat(config.swapFile()).isEqualTo(folder.resolve("s"));
      assertThat(config.cpus()).isEqualTo(7);
      assertThat(config.poisonFreedFrames()).isTrue();
      assertThat(config.patience()).isEqualTo(Duration.ofSeconds(3));
      assertThat(VmConfig.builder().swap(1).swap(0).build().swap()).isZero();
    }

    @Test
    void isForTheProcessorsOfThisComputerUnlessOthersWereChosen() {
      VmConfig own = VmConfig.builder().build();
      assertThat(own.cpus()).isEqualTo(Runtime.getRuntime().availableProcessors());
      assertThat(own.topologyInWords()).startsWith(own.topology().substring(0, 1));

      VmConfig simulated = VmConfig.builder().cpus(3).topology("2x8x2").build();
      assertThat(simulated.cpus()).isEqualTo(32);
      assertThat(simulated.topology()).isEqualTo("2x8x2");
      assertThat(simulated.topologyInWords()).endsWith("simulated");

      VmConfig unknown = VmConfig.builder().topology("2x8x2").cpus(3).build();
      assertThat(unknown.topology()).isEqualTo("3");
      assertThat(unknown.topologyInWords()).contains("unknown");
    }

    @Test
    void ofProcessorsThatCannotBeIsRefused() {
      VmConfig.Builder builder = VmConfig.builder();
      assertThatThrownBy(() -> builder.topology("2x8"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("sockets x cores x threads");
      assertThatThrownBy(() -> builder.topology("1x1025x1"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("topology=1x1025x1 is not of 1 to 1024 processors");
      assertThatThrownBy(() -> builder.cpus(1025))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("cpus=1025 is not from 1 to 1024");
    }

    @Test
    void saysWhereTheNumberOfTheCallersProcessorComesFrom() {
      AtomicInteger asked = new AtomicInteger();
      VmConfig config =
          VmConfig.builder().topology("2x2x1").currentCpu(asked::incrementAndGet).build();
      try (VirtualMemory vm = VirtualMemory.boot(config);
          AddressSpace space = vm.newAddressSpace();
          View view = space.view()) {
        int before = asked.get();
        long heap = space.map(4 * PAGE, Protection.READ_WRITE);
        assertThat(asked.get()).as("at a call without a view").isGreaterThan(before);

        before = asked.get();
        view.putLong(heap, 1);
        assertThat(asked.get()).as("once a fault").isEqualTo(before + 1);
        view.putLong(heap + 8, 2);
        assertThat(asked.get()).as("not at a hit").isEqualTo(before + 1);
        assertThat(vm.check().problems()).isEmpty();
      }
    }

    @Test
    void withSwapTooSmallIsRefusedAtBoot() {
      assertThatThrownBy(() -> VirtualMemory.boot(VmConfig.builder().swap(PAGE).build()))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("too small");
    }
  }

  @Nested
  class AClosedMachine {
    @Test
    void refusesWorkAndInspection() {
      VirtualMemory vm = VirtualMemory.boot(VmConfig.builder().build());
      vm.close();
      vm.close();
      assertThatThrownBy(vm::newAddressSpace).isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(vm::check).isInstanceOf(IllegalStateException.class);
      assertThat(vm.statistics().pageCount()).isPositive();
    }

    @Test
    void closesFromAnInterruptedThreadAndLeavesItInterrupted() {
      VirtualMemory vm = VirtualMemory.boot(VmConfig.builder().build());
      Thread.currentThread().interrupt();
      vm.close();
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  @Nested
  class OutOfMemory {
    @Test
    void withoutSwapIsAnExceptionAndWhatWasStoredStays() {
      VirtualMemory vm = VirtualMemory.boot(VmConfig.builder().physicalMemory(2 << 20).build());
      AddressSpace space = vm.newAddressSpace();
      long start = space.map(4 << 20, Protection.READ_WRITE);
      View view = space.view();
      long[] stored = {0};
      assertThatThrownBy(
              () -> {
                for (; ; stored[0]++) {
                  view.putLong(start + stored[0] * PAGE, stored[0]);
                }
              })
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("out of pages");
      assertThat(stored[0]).isGreaterThan(200);
      for (long i = 0; i < stored[0]; i++) {
        assertThat(view.getLong(start + i * PAGE)).isEqualTo(i);
      }
      space.unmap(start, 100 * PAGE);
      view.putLong(start + stored[0] * PAGE, 1);
      view.close();
      space.close();
      soundThenClose(vm);
    }
  }

  @Nested
  class ManyUsers {
    /// Each writes and reads back its own part, together three times the memory.
    private void work(boolean virtual, int users) throws Exception {
      VirtualMemory vm =
          VirtualMemory.boot(
              VmConfig.builder()
                  .physicalMemory(3 << 20)
                  .swap(32 << 20)
                  .swapDirectory(folder)
                  .poisonFreedFrames(true)
                  .build());
      AddressSpace space = vm.newAddressSpace();
      long share = 2_000 / users;
      long start = space.map(2_000 * PAGE, Protection.READ_WRITE);
      List<Future<Boolean>> ends = new ArrayList<>();
      for (int u = 0; u < users; u++) {
        long mine = start + u * share * PAGE;
        FutureTask<Boolean> task = new FutureTask<>(user(space, mine, share));
        ends.add(task);
        Thread.Builder builder = virtual ? Thread.ofVirtual() : Thread.ofPlatform().daemon();
        builder.start(task);
      }
      for (Future<Boolean> end : ends) {
        assertThat(end.get(60, TimeUnit.SECONDS)).isTrue();
      }
      VmStatistics stats = vm.statistics();
      assertThat(stats.pagesOut()).isPositive();
      assertThat(stats.pagesIn()).isPositive();
      assertThat(vm.check().problems()).isEmpty();
      space.close();
      assertThat(vm.statistics().swapUsedPages()).isZero();
      soundThenClose(vm);
    }

    private Callable<Boolean> user(AddressSpace space, long mine, long pages) {
      return () -> {
        try (View view = space.view()) {
          for (int round = 1; round <= 3; round++) {
            for (long i = 0; i < pages; i++) {
              view.putLong(mine + i * PAGE + 8L * round, mine + i + round);
            }
            for (long i = 0; i < pages; i++) {
              for (int r = 1; r <= round; r++) {
                long value = view.getLong(mine + i * PAGE + 8L * r);
                if (value != mine + i + r) {
                  throw new AssertionError(
                      "page %d, round %d: %d and not %d".formatted(i, r, value, mine + i + r));
                }
              }
            }
          }
        }
        return true;
      };
    }

    @Test
    void onPlatformThreadsReadBackWhatTheyWrote() throws Exception {
      work(false, 4);
    }

    @Test
    void onVirtualThreadsReadBackWhatTheyWrote() throws Exception {
      work(true, 20);
    }
  }
}
