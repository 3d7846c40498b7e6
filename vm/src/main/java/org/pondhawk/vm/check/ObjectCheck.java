package org.pondhawk.vm.check;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.BitSet;
import java.util.stream.IntStream;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.kmem.Kernel;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.object.Attachment;
import org.pondhawk.vm.object.IntRadix;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.pager.BlockPager;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.queue.WiredPages;
import org.pondhawk.vm.swap.SwapFile;
import org.pondhawk.vm.swap.SwapSpace;

/// Checks the objects and what is behind them: every page accounted for, every swap block owned
/// once, and a clean page equal to its copy, byte for byte.
final class ObjectCheck {
  private final Machine machine;
  private final PageArray pages;
  private final Findings findings;
  private final BitSet owned = new BitSet();
  private final BitSet wired = new BitSet();
  private final BitSet setAside = new BitSet();
  private final BitSet blocks = new BitSet();

  ObjectCheck(Machine machine, Findings findings) {
    this.machine = machine;
    this.pages = machine.page().pages();
    this.findings = findings;
  }

  /// Checks all objects, then that no page is left over.
  ///
  /// @param queued the pages that are on a queue
  /// @param runs the wired pages of the reserve and of runs
  void run(BitSet queued, BitSet runs) {
    wired.or(runs);
    try (Arena arena = Arena.ofConfined()) {
      long buffer = arena.allocate(machine.spec().pageSize(), 4096).address();
      for (VmObject object : machine.objects().all()) {
        checkObject(object, buffer);
      }
    }
    checkWired();
    checkLeaks(queued);
    checkDump();
    new FictitiousCheck(machine, findings).run(owned);
    SwapSpace space = machine.swapSpace();
    if (space != null) {
      findings.require(
          blocks.cardinality() == space.used(),
          "objects own %d swap blocks, %d are in use",
          blocks.cardinality(),
          space.used());
    }
  }

  private void checkObject(VmObject object, long buffer) {
    findings.require(
        object.references()
            == object.attachments().length
                + machine.paged().opened(object)
                + machine.segments().references(object),
        "%s: shown in %d places, opened %d times",
        object,
        object.attachments().length,
        machine.paged().opened(object));
    long seen = 0;
    IntRadix resident = object.resident();
    for (long p = resident.next(0); p >= 0; p = resident.next(p + 1)) {
      seen++;
      int page = resident.get(p);
      boolean within =
          p < object.size() || pages.wireCount(page) > 0; // wired before it got shorter
      findings.require(
          pages.object(page) == object.slot() && pages.pindex(page) == p && within,
          "%s has at %d a page that knows better: %s",
          object,
          p,
          pages.describe(page));
      findings.require(!owned.get(page), "in two objects: %s", pages.describe(page));
      owned.set(page);
      if (object.kind().hasOwnPager()) {
        OwnPagerCheck.check(machine, findings, object, page);
        continue;
      }
      findings.require(isShown(object, p), "%s at %d: resident, but shown nowhere", object, p);
      checkContent(object, p, page, buffer);
    }
    findings.require(seen == resident.size(), "%s: %d are there", object, seen);
    BlockPager pager = object.swap();
    if (pager != null) {
      checkBlocks(object, pager);
    }
  }

  /// What nobody can reach any more must be freed, not kept until the object dies.
  private boolean isShown(VmObject object, long pindex) {
    if (object.keepsUnshown()) {
      return true;
    }
    int shift = pages.frames().pageShift();
    for (Attachment a : object.attachments()) {
      long offset = pindex - a.firstPindex();
      if (offset >= 0 && offset < (a.end() - a.start()) >>> shift) {
        return true;
      }
    }
    return false;
  }

  private void checkBlocks(VmObject object, BlockPager pager) {
    SwapSpace space = machine.swapSpace();
    pager.forEachBlock((pindex, block) -> {
      findings.require(
          !blocks.get(block), "%s at %d: swap block %d has two owners", object, pindex, block);
      blocks.set(block);
      findings.require(
          isShown(object, pindex), "%s at %d: swapped, but shown nowhere", object, pindex);
      findings.require(
          space != null && !space.isFree(block),
          "%s at %d: swap block %d is free",
          object,
          pindex,
          block);
    });
  }

  /// A page that nobody has stored into since is what its backing holds, or zeros without one.
  private void checkContent(VmObject object, long pindex, int page, long buffer) {
    boolean backed = object.hasBacking(pindex);
    findings.require(
        backed == pages.hasFlag(page, PageFlags.SWAPPED),
        "%s at %d: backing %s, but %s",
        object,
        pindex,
        backed,
        pages.describe(page));
    findings.require(
        pages.isFullyValid(page), "%s at %d: no content: %s", object, pindex, pages.describe(page));
    if (pages.dirty(page) != 0
        || machine.mappings().isModified(page)
        || pages.foreign().has(page)) { // others may store into its memory
      return;
    }
    int size = machine.spec().pageSize();
    boolean same =
        backed
            ? readBack(object, pindex, buffer)
                && RawMemory.mismatch(pages.address(page), buffer, size) < 0
            : RawMemory.allBytesAre(pages.address(page), size, (byte) 0);
    findings.require(
        same,
        "%s at %d: clean, but not what %s: %s",
        object,
        pindex,
        backed ? "swap holds" : "a fresh page is",
        pages.describe(page));
  }

  private boolean readBack(VmObject object, long pindex, long buffer) {
    SwapFile file = machine.swapFile();
    BlockPager pager = object.swap();
    if (file == null || pager == null) {
      return false;
    }
    try {
      file.readRun(pager.block(pindex), new long[] {buffer}, 1);
      return true;
    } catch (IOException _) {
      return false;
    }
  }

  private void checkWired() {
    for (int page : machine.nodes().wiredPages()) {
      findings.require(!wired.get(page), "wired for two uses: %s", pages.describe(page));
      wired.set(page);
    }
    for (Space space : machine.everySpace()) {
      for (int page : space.pmap().balloons()) {
        findings.require(!wired.get(page), "wired for two uses: %s", pages.describe(page));
        wired.set(page);
      }
    }
    checkKernel();
    checkAlone();
    int[] mapped = checkWiredMappings();
    long counted = machine.page().stats().global(PageCount.WIRED);
    findings.require(
        wired.cardinality() == counted,
        "%d pages are wired, the counter says %d",
        wired.cardinality(),
        counted);
    long saying =
        IntStream.range(0, pages.frameCount()).filter(p -> pages.wireCount(p) > 0).count();
    findings.require(
        saying == counted,
        "%d pages say that they are wired, the counter says %d",
        saying,
        counted);
    wired.stream()
        .forEach(page ->
            findings.require(
                pages.wireCount(page) == Math.max(1, mapped[page]),
                "not wired once, or for each of %d mappings: %s",
                mapped[page],
                pages.describe(page)));
  }

  /// A page is wired once for each wired mapping.
  ///
  /// @return how many of them each page has
  private int[] checkWiredMappings() {
    int[] mapped = new int[pages.frameCount()];
    for (Space space : machine.everySpace()) {
      long[] wiredHere = new long[1];
      space
          .pmap()
          .forEachValid((_, pte) -> {
            int page = pages.pageAt(Pte.frame(pte));
            if (Pte.isWired(pte)) {
              wiredHere[0]++;
            }
            if (Pte.isWired(pte) && page >= 0 && page < mapped.length) {
              findings.require(
                  mapped[page] > 0 || !wired.get(page),
                  "wired for two uses: %s",
                  pages.describe(page));
              mapped[page]++;
              wired.set(page);
            }
          });
      findings.require(
          wiredHere[0] == space.pmap().wired(),
          "space %d: %d entries are wired, the count says %d",
          space.id(),
          wiredHere[0],
          space.pmap().wired());
    }
    return mapped;
  }

  /// Every page of the kernel's object is wired, and mapped where its index says.
  private void checkKernel() {
    Kernel kernel = machine.kernelIfMade();
    if (kernel == null || kernel.space().isClosed()) {
      return;
    }
    IntRadix resident = kernel.object().resident();
    for (long p = resident.next(0); p >= 0; p = resident.next(p + 1)) {
      int page = resident.get(p);
      findings.require(!wired.get(page), "wired for two uses: %s", pages.describe(page));
      wired.set(page);
      long address = p << pages.frames().pageShift();
      findings.require(
          kernel.space().pmap().isCharged(address)
              && Pte.frame(kernel.space().pmap().entry(address)) == pages.address(page),
          "of the kernel, but not mapped at 0x%x: %s",
          address,
          pages.describe(page));
    }
  }

  private void checkAlone() {
    WiredPages alone = machine.pageOperations().alone();
    int seen = 0;
    for (int page = 0; page < pages.frameCount(); page++) {
      if (alone.isInUse(page)) {
        seen++;
        findings.require(!wired.get(page), "wired for two uses: %s", pages.describe(page));
        wired.set(page);
      }
    }
    findings.require(
        seen == alone.inUse(), "%d pages are alone, the count says %d", seen, alone.inUse());
  }

  /// What is set aside is zero, and its processor's alone.
  private void checkSetAside(BitSet queued) {
    machine
        .allocator()
        .forEachInMagazines(page -> {
          findings.require(
              !queued.get(page) && !wired.get(page) && !owned.get(page) && !setAside.get(page),
              "set aside, and of another use: %s",
              pages.describe(page));
          setAside.set(page);
          findings.require(
              machine.page().busy().isOnlyHardBusy(page)
                  && pages.valid(page) == 0
                  && pages.hasFlag(page, PageFlags.ZERO)
                  && RawMemory.allBytesAre(
                      pages.address(page), machine.spec().pageSize(), (byte) 0),
              "set aside, but not as it should be: %s",
              pages.describe(page));
        });
  }

  private void checkLeaks(BitSet queued) {
    checkSetAside(queued);
    for (int page = 0; page < pages.frameCount(); page++) {
      boolean used = queued.get(page) || wired.get(page) || owned.get(page) || setAside.get(page);
      boolean hole = machine.physical().isHole(page);
      findings.require(used || hole, "leaked, on no queue and of no use: %s", pages.describe(page));
      findings.require(
          !hole || (!used && isAsAtBoot(page)), "a hole, but: %s", pages.describe(page));
      findings.require(
          owned.get(page) == (pages.object(page) != PageArray.NO_OBJECT),
          "says that it belongs to an object which does not have it: %s",
          pages.describe(page));
    }
  }

  /// Whether nobody has ever used the descriptor.
  private boolean isAsAtBoot(int page) {
    return pages.flags(page) == 0
        && pages.queue(page) == 0
        && pages.wireCount(page) == 0
        && pages.holdCount(page) == 0
        && pages.valid(page) == 0
        && pages.dirty(page) == 0;
  }

  /// A dump of the machine's state has all frames of its structures, and no others.
  private void checkDump() {
    BitSet expected = new BitSet();
    machine.overheadPages(expected::set);
    for (int page : machine.nodes().wiredPages()) {
      expected.set(page);
    }
    for (Space space : machine.everySpace()) {
      for (int page : space.pmap().balloons()) {
        expected.set(page);
      }
    }
    BitSet dumped = new BitSet();
    for (int page : machine.dump().pages()) {
      dumped.set(page);
    }
    expected.xor(dumped);
    findings.require(expected.isEmpty(), "wrong in the dump map: frames %s", expected);
  }
}
