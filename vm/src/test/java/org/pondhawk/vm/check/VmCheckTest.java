package org.pondhawk.vm.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.Objects;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.AddressMap;
import org.pondhawk.vm.map.Lease;
import org.pondhawk.vm.map.LeaseKind;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.pmap.TableForm;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.queue.PageQueues;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.swap.SwapSpace;
import org.pondhawk.vm.sync.VmThread;

/// The canaries of the checker: a sound machine, one thing broken, and the line that must come.
@ParameterizedClass(name = "{0}")
@EnumSource(value = TableForm.class, names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
class VmCheckTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;
  private static final int PAGES = 400;

  @TempDir private Path folder;
  private final TableForm tables;
  private TestMachine machine;
  private Space space;
  private PageArray pages;
  private VmObject object;
  private long heap;

  VmCheckTest(TableForm tables) {
    this.tables = tables;
  }

  /// A machine whose memory is full of mapped and cached pages, some with a copy in swap.
  @BeforeEach
  void aSoundMachine() {
    machine = new TestMachine(256, folder, 8 << 20, tables);
    space = machine.vm.newSpace();
    pages = machine.vm.page().pages();
    heap = machine.map(space, PAGES);
    for (long i = 0; i < PAGES; i++) {
      machine.put(space, heap + i * SIZE, i + 1);
    }
    for (long i = 0; i < 50; i++) {
      assertThat(machine.get(space, heap + i * SIZE)).isEqualTo(i + 1);
    }
    long zeros = machine.map(space, 5);
    for (long i = 0; i < 5; i++) {
      assertThat(machine.get(space, zeros + i * SIZE)).isZero();
    }
    object = machine.vm.objects().all().getFirst();
    assertThat(VmCheck.run(machine.vm).summary()).isEqualTo("clean");
  }

  @AfterEach
  void close() {
    machine.vm.haltSwitch().halt(new VmPanic("the test broke the machine"));
    machine.close();
  }

  private void isReported(String line) {
    assertThat(VmCheck.run(machine.vm).problems())
        .anySatisfy(problem -> assertThat(problem).contains(line));
  }

  private int page(IntPredicate test) {
    return IntStream.range(0, pages.frameCount())
        .filter(test)
        .findFirst()
        .orElseThrow(() -> new AssertionError("no page like that in this machine"));
  }

  private boolean isOn(int page, PageQueue kind) {
    return kind.isKindOf(pages.queue(page));
  }

  private int mappedPage() {
    return page(p -> pages.hasFlag(p, PageFlags.MAPPED));
  }

  private int freePage() {
    return page(p -> isOn(p, PageQueue.FREE) && pages.ticket(p) != 0);
  }

  private long addressOf(int page) {
    return heap + pages.pindex(page) * SIZE;
  }

  private long slot(long address) {
    return space.pmap().slot(address);
  }

  @Test
  void aFreeFrameThatIsSaidToBeZeroAndIsNot() {
    pages.setFlags(freePage(), PageFlags.ZERO);
    isReported("said to be zero, but it is not");
    isReported("zeroed pages and says");
  }

  @Test
  void aPageInUseThatIsSaidToBeZero() {
    pages.setFlags(mappedPage(), PageFlags.ZERO);
    isReported("said to be zero where nobody keeps that true");
  }

  @Test
  void aSoundMachineStaysSoundUnderRepeatedChecks() {
    assertThat(VmCheck.run(machine.vm).isClean()).isTrue();
    assertThat(machine.vm.swap().used()).isPositive();
  }

  @Nested
  class Queues {
    @Test
    void aPageOnTwoQueues() {
      int one = page(p -> isOn(p, PageQueue.ACTIVE));
      int head = page(p -> isOn(p, PageQueue.FREE) && pages.next(p) == PageArray.NONE);
      pages.setNext(head, one);
      isReported("on two queues, or twice on one: page " + one + ":");
    }

    @Test
    void aPageThatSaysItIsOnAnotherQueue() {
      int one = page(p -> isOn(p, PageQueue.ACTIVE));
      pages.setQueue(one, pages.queue(one) + 1);
      isReported("page " + one + ":");
    }

    @Test
    void aLengthThatIsOff() throws ReflectiveOperationException {
      int queue = pages.queue(page(p -> isOn(p, PageQueue.ACTIVE)));
      Field length = PageQueues.class.getDeclaredField("LENGTH");
      length.setAccessible(true);
      Method put = PageQueues.class.getDeclaredMethod("put", int.class, long.class, int.class);
      put.setAccessible(true);
      put.invoke(machine.vm.page().queues(), queue, length.getLong(null), 7);
      isReported("ACTIVE queue " + queue + " has 1 pages and says 7");
    }

    @Test
    void aBackLinkThatIsBroken() {
      int one = page(p -> isOn(p, PageQueue.ACTIVE));
      pages.setPrev(one, one + 1);
      isReported("back link broken");
    }

    @Test
    void aMarkerThatWasLeftBehind() {
      machine.vm.page().queues().insertMarker(PageQueue.ACTIVE.index(3), pages.marker(0));
      isReported("a marker was left in ACTIVE queue");
    }

    @Test
    void aFreePageThatIsWiredAndCounted() {
      int one = freePage();
      machine.vm.page().busy().tryHardBusy(one);
      machine.vm.page().mover().wire(machine.self, one);
      machine.vm.page().busy().unbusy(one);
      isReported("pages are wired, the counter says");
    }

    @Test
    void aCountOfQueuedPagesThatIsOff() throws ReflectiveOperationException {
      Method increment = VmStats.class.getDeclaredMethod("increment", int.class, PageCount.class);
      increment.setAccessible(true);
      for (PageCount count : PageCount.values()) {
        increment.invoke(machine.vm.page().stats(), 0, count);
      }
      isReported("the FREE queues have");
      isReported("the CACHE queues have");
      isReported("the INACTIVE queues have");
      isReported("the ACTIVE queues have");
      isReported("pages are wired, the counter says");
    }

    @Test
    void aLeakedPage() {
      int page = machine.vm.allocator().allocate(machine.self, 0, AllocClass.INTERRUPT);
      machine.vm.page().busy().unbusy(page);
      isReported("leaked, on no queue and of no use: page " + page + ":");
    }

    @Test
    void aPageThatIsBusyAtRest() {
      int page = mappedPage();
      machine.vm.page().busy().tryHardBusy(page);
      isReported("busy at rest");
    }
  }

  @Nested
  class FreePages {
    @Test
    void thatAreDirty() {
      int page = freePage();
      pages.setDirty(page);
      isReported("free, but in use: page " + page + ":");
    }

    @Test
    void thatAreHeld() {
      int page = freePage();
      pages.addHold(page, 1);
      isReported("free, but in use: page " + page + ":");
    }

    @Test
    void thatAreWired() {
      int page = freePage();
      pages.addWire(page, 1);
      isReported("free, but in use: page " + page + ":");
    }

    @Test
    void thatAreToBeCommitted() {
      int page = freePage();
      pages.setFlags(page, PageFlags.NEED_COMMIT);
      isReported("free, but in use: page " + page + ":");
    }

    @Test
    void thatClaimAnObject() {
      int page = freePage();
      pages.setIdentity(page, object.slot(), 3);
      isReported("says that it belongs to an object which does not have it: page " + page + ":");
    }

    @Test
    void whoseGracePeriodIsNotOver() {
      int page = freePage();
      pages.setTicket(page, machine.vm.grace().next());
      isReported("free before its grace period is over: page " + page + ":");
    }

    @Test
    void thatSomebodyStoredInto() {
      int page = freePage();
      RawMemory.putByte(pages.address(page) + 1234, (byte) 7);
      isReported("somebody stored into a free frame: page " + page + ":");
    }

    @Test
    void thatAreOnlyCachedAndDirty() {
      int page = page(p -> isOn(p, PageQueue.CACHE));
      pages.setDirty(page);
      isReported("cached, but dirty or mapped: page " + page + ":");
    }
  }

  @Nested
  class Mappings {
    @Test
    void aLostEntry() {
      RawMemory.setLongVolatile(slot(addressOf(mappedPage())), 0);
      isReported("were made and not removed");
      isReported("entries and says");
    }

    @Test
    void anEntryThatShowsAnotherPage() {
      int one = mappedPage();
      int other = page(p -> p > one && pages.hasFlag(p, PageFlags.MAPPED));
      long slot = slot(addressOf(one));
      long pte = RawMemory.getLongVolatile(slot);
      RawMemory.setLongVolatile(slot, (pte & ~Pte.FRAME) | pages.address(other));
      isReported("shows another page: page " + other + ":");
    }

    @Test
    void anEntryThatWasModifiedAndNotAccessed() {
      long slot = slot(addressOf(mappedPage()));
      long pte = RawMemory.getLongVolatile(slot);
      RawMemory.setLongVolatile(slot, (pte | Pte.MODIFIED) & ~Pte.ACCESSED);
      isReported("bits that cannot be together");
    }

    @Test
    void anEntryThatShowsNoFrame() {
      long slot = slot(addressOf(mappedPage()));
      RawMemory.setLongVolatile(slot, (RawMemory.getLongVolatile(slot) & ~Pte.FRAME) | (1L << 40));
      isReported("no frame of ours");
    }

    @Test
    void aMappedFlagThatIsLost() {
      int page = mappedPage();
      pages.clearFlags(page, PageFlags.MAPPED);
      isReported("not noted at page " + page + ":");
    }

    @Test
    void aWritableFlagThatIsLost() {
      int page =
          page(p ->
              pages.hasFlag(p, PageFlags.MAPPED)
                  && Pte.isWritable(RawMemory.getLongVolatile(slot(addressOf(p)))));
      pages.clearFlags(page, PageFlags.WRITABLE);
      isReported("not noted at page " + page + ":");
    }

    @Test
    void anEntryWhereNothingIsMapped() {
      int page = mappedPage();
      RawMemory.setLongVolatile(
          slot(heap + (PAGES + 20) * SIZE), RawMemory.getLongVolatile(slot(addressOf(page))));
      isReported("mapped, but no map entry covers it");
    }

    @Test
    void aTableWhoseFrameIsNotWired() {
      int balloon = space.pmap().balloons().getFirst();
      pages.addWire(balloon, -1);
      isReported("not wired once, or for each of 0 mappings: page " + balloon + ":");
    }

    @Test
    void aTableFrameThatIsWiredTwice() {
      int balloon = space.pmap().balloons().getFirst();
      pages.addWire(balloon, 1);
      isReported("not wired once, or for each of 0 mappings: page " + balloon + ":");
    }
  }

  @Nested
  class Leases {
    private PageBusy busy() {
      return machine.vm.page().busy();
    }

    @Test
    void whosePageIsSentByNobody() {
      int page = mappedPage();
      machine.put(space, addressOf(page), 1);
      pages.tryRaiseCow(page);
      isReported("1 pages are sent, snapshots are of 0");
      isReported("sent, but not held, or to be stored into: page " + page + ":");
      isReported("writable, but sent: page " + page + ":");
      pages.tryLowerCow(page);
    }

    @Test
    void whosePageIsSentNoMore() {
      Lease lease = new Lease(addressOf(mappedPage()), SIZE, LeaseKind.SNAPSHOT, (int) SIZE);
      space.leases().enter(machine.self, lease);
      isReported("0 pages are sent, snapshots are of 1");
      space.leases().leave(machine.self, lease);
    }

    private Lease enter(boolean write) {
      Lease lease =
          new Lease(
              addressOf(mappedPage()), SIZE, write ? LeaseKind.WRITE : LeaseKind.READ, (int) SIZE);
      machine.put(space, lease.address(), 1);
      space.leases().enter(machine.self, lease);
      return lease;
    }

    private int lease(boolean write) {
      Lease lease = enter(write);
      int page = machine.pageAt(space, lease.address());
      assertThat(busy().tryLease(page, write)).isTrue();
      lease.take(page);
      space.leases().took(lease);
      assertThat(VmCheck.run(machine.vm).summary()).isEqualTo("clean");
      return page;
    }

    @Test
    void whosePageIsNotBusy() {
      int page = lease(true);
      busy().endLease(page, true);
      isReported("leased 0 times to read and 1 times to write, but page " + page + ":");
    }

    @Test
    void whosePageSomebodyElseHasBusyToo() {
      int page = lease(false);
      busy().trySoftBusy(page);
      isReported("leased 1 times to read and 0 times to write, but page " + page + ":");
    }

    @Test
    void whosePageIsMappedNoMore() {
      int page = lease(false);
      RawMemory.setLongVolatile(slot(addressOf(page)), 0);
      isReported("but leased is page " + page + ":");
    }

    @Test
    void forWritingWhosePageIsClean() {
      int page = lease(true);
      pages.clearDirty(page);
      isReported("leased for writing, but clean: page " + page + ":");
    }

    @Test
    void thatTheirOwnerDoesNotKnowOf() {
      int page = lease(true);
      machine.vm.leased().remove(Thread.currentThread(), page);
      isReported("its owner does not know of the WRITE lease of 4096 bytes");
    }

    @Test
    void thatGaveTheirPagesBackAndAreRegistered() {
      enter(false);
      isReported("registered, but has 0 of 1 pages: READ lease");
    }

    @Test
    void thatNoOpenSpaceHas() {
      machine.vm.leased().tryReserve(3);
      isReported("open spaces lease 0 pages, set aside are 3");
    }
  }

  @Nested
  class Maps {
    @Test
    void aSizeThatIsOff() throws ReflectiveOperationException {
      Field size = AddressMap.class.getDeclaredField("size");
      size.setAccessible(true);
      size.setLong(space.map(), space.map().size() + SIZE);
      isReported("bytes and says");
    }

    @Test
    void entriesThatAreOutOfOrder() throws ReflectiveOperationException {
      Object table = field(AddressMap.class, "entries", space.map());
      Object[] pieces = (Object[]) field(table.getClass(), "pieces", table);
      Object[] array = (Object[]) field(pieces[0].getClass(), "entries", pieces[0]);
      Object first = array[0];
      array[0] = array[1];
      array[1] = first;
      isReported("out of order");
    }

    private static Object field(Class<?> type, String name, Object of)
        throws ReflectiveOperationException {
      Field field = type.getDeclaredField(name);
      field.setAccessible(true);
      return field.get(of);
    }
  }

  @Nested
  class Owners {
    @Test
    void aReferenceTooMany() {
      object.reference();
      isReported("shown in 1 places");
    }

    @Test
    void aPageThatKnowsBetter() {
      int page = mappedPage();
      pages.setIdentity(page, object.slot(), pages.pindex(page) + 1);
      isReported("a page that knows better: page " + page + ":");
    }

    @Test
    void aPageWithoutContent() {
      int page = mappedPage();
      pages.clearContent(page);
      isReported("no content: page " + page + ":");
    }

    @Test
    void aPageAndABlockOfARangeThatIsShownNowhere() {
      object.replace(object.attachments()[0]);
      isReported("shown in 0 places");
      isReported("resident, but shown nowhere");
    }

    @Test
    void aCleanPageThatIsNotWhatSwapHolds() {
      int page =
          page(p ->
              pages.hasFlag(p, PageFlags.SWAPPED)
                  && pages.dirty(p) == 0
                  && pages.object(p) == object.slot()
                  && !machine.vm.mappings().isModified(p));
      RawMemory.putByte(pages.address(page) + 4095, (byte) 77);
      isReported("clean, but not what swap holds: page " + page + ":");
    }

    @Test
    void aCleanPageThatIsNotZeroAndHasNoCopy() {
      int page =
          page(p ->
              pages.object(p) != PageArray.NO_OBJECT
                  && pages.object(p) != object.slot()
                  && pages.dirty(p) == 0);
      RawMemory.putByte(pages.address(page), (byte) 1);
      isReported("clean, but not what a fresh page is: page " + page + ":");
    }
  }

  @Nested
  class Swap {
    private SwapSpace account() {
      return Objects.requireNonNull(machine.vm.swapSpace());
    }

    private Pager pager() {
      return Objects.requireNonNull(object.pager());
    }

    private long backed() {
      long[] found = {-1};
      pager().forEachBlock((pindex, _) -> found[0] = pindex);
      return found[0];
    }

    @Test
    void aLeakedBlock() {
      account().allocate(1);
      isReported("swap blocks, ");
    }

    @Test
    void aBlockThatIsFreeAndStillOwned() {
      account().free(pager().block(backed()), 1);
      isReported("is free");
    }

    @Test
    void aBlockWithTwoOwners() {
      VmThread daemon = new VmThread("daemon", 0, true, 0);
      VmObject other = machine.vm.objects().all().getLast();
      Pager second = machine.vm.swap().newPager();
      other.token().lock(daemon, true);
      other.setPager(daemon, second);
      other.token().unlock(daemon);
      int block = pager().block(backed());
      account().free(block, 1);
      var run = new org.pondhawk.vm.pager.PageRun(1);
      run.start(4);
      int page = other.resident().get(4);
      machine.vm.page().busy().trySoftBusy(page);
      run.append(page);
      second.pageOut(daemon, run);
      machine.vm.page().busy().dropSoftBusy(page);
      assertThat(second.block(4)).as("the lowest free one").isEqualTo(block);

      isReported("swap block " + block + " has two owners");
    }

    @Test
    void aPageThatDeniesItsCopy() {
      int page = page(p -> pages.hasFlag(p, PageFlags.SWAPPED));
      pages.clearFlags(page, PageFlags.SWAPPED);
      isReported("backing true, but page " + page + ":");
    }
  }

  @Nested
  class TheMachine {
    @Test
    void thatIsHalted() {
      machine.vm.haltSwitch().halt(new VmPanic("on purpose"));
      isReported("the machine is halted");
    }
  }
}
