package org.pondhawk.vm.swap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pager.BlockPager;
import org.pondhawk.vm.pager.PageRun;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.sync.VmThread;

/// The swap pager on a real file of 128 blocks of data.
class SwapPagerTest {
  private static final int BLOCKS = 128;
  private static final int SIZE = TestMachine.PAGE_SIZE;

  @TempDir private Path folder;
  private TestMachine machine;
  private PageArray pages;
  private PageBusy busy;
  private BlockPager pager;
  private final VmThread daemon = new VmThread("daemon", 0, true, 0);
  private final List<Integer> taken = new ArrayList<>();

  @BeforeEach
  void boot() {
    machine = new TestMachine(256, folder, BLOCKS * (long) SIZE);
    pages = machine.vm.page().pages();
    busy = machine.vm.page().busy();
    pager = machine.vm.swap().newPager();
  }

  @AfterEach
  void nothingRemains() {
    pager.forget(daemon, 0, 1 << 20);
    assertThat(pager.blocks()).isZero();
    assertThat(machine.vm.swap().used()).isZero();
    for (int page : taken) {
      busy.tryHardBusy(page);
      machine.vm.allocator().free(machine.self, page);
    }
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  /// A dirty page with a byte of its own, soft-busy as for a write.
  private int dirtyPage(int mark) {
    int page = machine.vm.allocator().allocate(machine.self, 0, AllocClass.NORMAL);
    taken.add(page);
    RawMemory.fill(pages.address(page), SIZE, (byte) mark);
    pages.setValid(page);
    pages.setDirty(page);
    busy.addSoftBusy(page);
    busy.unbusy(page);
    return page;
  }

  private PageRun run(long first, int count) {
    PageRun run = new PageRun(32);
    run.start(first);
    for (int i = 0; i < count; i++) {
      run.append(dirtyPage((int) first + i));
    }
    return run;
  }

  private PageRun write(long first, int count) {
    PageRun run = run(first, count);
    pager.pageOut(daemon, run);
    for (int i = 0; i < count; i++) {
      busy.dropSoftBusy(run.page(i));
    }
    return run;
  }

  private byte readBack(long pindex) throws IOException {
    int page = machine.vm.allocator().allocate(machine.self, 0, AllocClass.NORMAL);
    taken.add(page);
    assertThat(pager.pageIn(daemon, pindex, page)).isEqualTo(PagerResult.OK);
    assertThat(pages.isFullyValid(page)).isTrue();
    assertThat(pages.dirty(page)).isZero();
    assertThat(pages.hasFlag(page, PageFlags.SWAPPED)).isTrue();
    assertThat(
            RawMemory.allBytesAre(
                pages.address(page), SIZE, RawMemory.getByte(pages.address(page))))
        .isTrue();
    assertThat(busy.describe(page)).isEqualTo("L-- n=0");
    return RawMemory.getByte(pages.address(page));
  }

  @Test
  void whatWasWrittenIsReadBackAndClean() throws IOException {
    PageRun run = write(5, 20);

    for (int i = 0; i < 20; i++) {
      assertThat(run.result(i)).isEqualTo(PagerResult.OK);
      assertThat(pages.dirty(run.page(i))).isZero();
      assertThat(pages.hasFlag(run.page(i), PageFlags.SWAPPED)).isTrue();
      assertThat(readBack(5 + i)).isEqualTo((byte) (5 + i));
    }
    assertThat(pager.blocks()).isEqualTo(20);
    assertThat(machine.vm.page().stats().total(Event.SWAP_PAGES_OUT)).isEqualTo(20);
    assertThat(machine.vm.page().stats().total(Event.SWAP_OUT)).as("one request").isEqualTo(1);
    assertThat(machine.vm.page().stats().total(Event.SWAP_PAGES_IN)).isEqualTo(20);
  }

  @Test
  void thereIsNothingToReadWhereNothingWasWritten() throws IOException {
    write(5, 1);
    int page = dirtyPage(9);
    assertThat(pager.pageIn(daemon, 4, page)).isEqualTo(PagerResult.FAIL);
    assertThat(pager.hasPage(4)).isFalse();
    assertThat(pager.hasPage(5)).isTrue();
    assertThat(RawMemory.getByte(pages.address(page))).as("untouched").isEqualTo((byte) 9);
    busy.dropSoftBusy(page);
  }

  @Test
  void aRunLiesSideBySide() {
    write(0, 16);
    int first = pager.block(0);
    for (int i = 0; i < 16; i++) {
      assertThat(pager.block(i)).isEqualTo(first + i);
    }
  }

  @Test
  void writingAnewTakesNewBlocksAndFreesTheOldOnes() throws IOException {
    write(3, 2);
    int old = pager.block(3);
    write(3, 2);

    assertThat(pager.block(3)).isNotEqualTo(old);
    assertThat(machine.vm.swap().used()).isEqualTo(2);
    assertThat(readBack(3)).isEqualTo((byte) 3);
  }

  @Test
  void aRunIsSplitWhenSwapIsFragmented() throws IOException {
    SwapSpace space = Objects.requireNonNull(machine.vm.swapSpace());
    List<Integer> others = new ArrayList<>();
    for (int block = space.allocate(1); block >= 0; block = space.allocate(1)) {
      others.add(block);
    }
    for (int i = others.size() - 1; i >= 0; i -= 2) {
      space.free(others.remove(/* index */ i), 1); // no two free ones lie side by side
    }

    PageRun run = write(0, 7);

    for (int i = 0; i < 7; i++) {
      assertThat(run.result(i)).isEqualTo(PagerResult.OK);
      assertThat(readBack(i)).isEqualTo((byte) i);
    }
    assertThat(machine.vm.page().stats().total(Event.SWAP_OUT)).isEqualTo(7);
    others.forEach(block -> space.free(block, 1));
  }

  @Test
  void whatFindsNoBlockFailsAndStaysDirty() {
    SwapSpace space = Objects.requireNonNull(machine.vm.swapSpace());
    List<Integer> others = new ArrayList<>();
    for (int i = 0; i < BLOCKS - 3; i++) {
      others.add(space.allocate(1));
    }

    PageRun run = write(0, 5);

    assertThat(List.of(0, 1, 2, 3, 4).stream().map(run::result).toList())
        .containsExactly(
            PagerResult.OK, PagerResult.OK, PagerResult.OK, PagerResult.FAIL, PagerResult.FAIL);
    assertThat(pages.dirty(run.page(3))).isEqualTo(0xff);
    assertThat(pager.hasPage(3)).isFalse();
    assertThat(machine.vm.swap().isFull()).isTrue();
    others.forEach(block -> space.free(block, 1));
  }

  @Test
  void aFailedWriteLeavesThePageDirtyAndWithoutABlock() {
    write(0, 2);
    Objects.requireNonNull(machine.vm.swapFile()).close();

    PageRun run = write(0, 2);

    for (int i = 0; i < 2; i++) {
      assertThat(run.result(i)).isEqualTo(PagerResult.ERROR);
      assertThat(pages.dirty(run.page(i))).isEqualTo(0xff);
      assertThat(pages.hasFlag(run.page(i), PageFlags.SWAPPED)).isFalse();
      assertThat(pager.hasPage(i)).isFalse();
    }
    assertThat(machine.vm.swap().used()).isZero();
  }

  @Test
  void aFailedReadKeepsTheBlock() {
    write(0, 1);
    int page = machine.vm.allocator().allocate(machine.self, 0, AllocClass.NORMAL);
    taken.add(page);
    Objects.requireNonNull(machine.vm.swapFile()).close();

    assertThatThrownBy(() -> pager.pageIn(daemon, 0, page))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("swap");

    assertThat(pager.hasPage(0)).isTrue();
    assertThat(busy.describe(page)).isEqualTo("L-- n=0");
    assertThat(pages.isFullyValid(page)).isFalse();
  }

  @Test
  void forgettingARangeFreesItsBlocksOnly() {
    write(0, 10);
    pager.forget(daemon, 3, 4);

    List<Long> left = new ArrayList<>();
    pager.forEachBlock((pindex, _) -> left.add(pindex));
    assertThat(left).containsExactly(0L, 1L, 2L, 7L, 8L, 9L);
    assertThat(machine.vm.swap().used()).isEqualTo(6);
  }
}
