package org.pondhawk.vm.kmem;

import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.map.PageSupplier;
import org.pondhawk.vm.map.SuppliedRange;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.sync.Ticker;
import org.pondhawk.vm.sync.VmThread;

/// One page with the counts of the machine, for any space to read (`/dev/kpmap`). See
/// [StatisticsField] for what is in it.
///
/// **Contract.** It has a frame while any space shows it. The page is as old as the last
/// [#refresh]: the pageout daemon does one at every turn, idle or not, and every fault on the page
/// does one.
///
/// **Memory effects.** The words are stored opaquely between two volatile stores of the sequence:
/// who loads the sequence with volatile mode before and with a full fence after the others, and
/// finds the same even number, has loaded what belongs together.
public final class StatisticsPage implements PageSupplier {
  private final DeviceFrames frames;
  private final PageArray pages;
  private final VmStats stats;
  private final Ticker ticker;

  /// Guards the frame, the count of ranges and the changes of the page. Leaf.
  private final ReentrantLock lock = new ReentrantLock();

  private int page = PageArray.NONE;
  private int ranges;
  private long sequence;

  StatisticsPage(DeviceFrames frames, PageArray pages, VmStats stats, Ticker ticker) {
    this.frames = frames;
    this.pages = pages;
    this.stats = stats;
    this.ticker = ticker;
  }

  @Override
  public void added(SuppliedRange range) {
    lock.lock();
    try {
      ranges++;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void removed(SuppliedRange range) {
    lock.lock();
    try {
      ranges--;
      if (ranges == 0 && page != PageArray.NONE) {
        frames.give(page);
        page = PageArray.NONE;
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public int supply(VmThread self, SuppliedRange range, long pindex) {
    if (pindex != 0) {
      return REFUSED;
    }
    lock.lock();
    try {
      if (page == PageArray.NONE) {
        page = frames.take(self, pindex);
      }
      if (page == PageArray.NONE) {
        return NO_MEMORY;
      }
      write();
      return page;
    } finally {
      lock.unlock();
    }
  }

  /// Brings the page up to date, if any space shows it.
  public void refresh() {
    if (!lock.tryLock()) {
      return; // somebody is doing it, or takes the page away
    }
    try {
      if (page != PageArray.NONE) {
        write();
      }
    } finally {
      lock.unlock();
    }
  }

  private void write() {
    stats.rollup();
    sequence += 2;
    put(StatisticsField.MAGIC, StatisticsField.MAGIC_WORD);
    RawMemory.setLongVolatile(word(StatisticsField.SEQUENCE), sequence - 1);
    put(StatisticsField.CLOCK, ticker.nanos());
    put(StatisticsField.PAGE_SIZE, pages.frames().pageSize());
    put(StatisticsField.PAGE_COUNT, pages.frameCount());
    put(StatisticsField.FREE, stats.global(PageCount.FREE));
    put(StatisticsField.CACHE, stats.global(PageCount.CACHE));
    put(StatisticsField.INACTIVE, stats.global(PageCount.INACTIVE));
    put(StatisticsField.ACTIVE, stats.global(PageCount.ACTIVE));
    put(StatisticsField.WIRED, stats.global(PageCount.WIRED));
    put(StatisticsField.FAULTS_MINOR, stats.total(Event.FAULT_MINOR));
    put(StatisticsField.FAULTS_MAJOR, stats.total(Event.FAULT_MAJOR));
    put(StatisticsField.ZERO_FILLS, stats.total(Event.ZERO_FILL));
    put(StatisticsField.COPIED, stats.total(Event.COPIED));
    put(StatisticsField.FORKS, stats.total(Event.FORKS));
    put(StatisticsField.SWAP_PAGES_IN, stats.total(Event.SWAP_PAGES_IN));
    put(StatisticsField.SWAP_PAGES_OUT, stats.total(Event.SWAP_PAGES_OUT));
    put(StatisticsField.DAEMON_PASSES, stats.total(Event.DAEMON_PASSES));
    put(StatisticsField.FREED, stats.total(Event.FREED));
    RawMemory.setLongVolatile(word(StatisticsField.SEQUENCE), sequence);
  }

  /// Opaque is enough: it is untorn, and the volatile stores of the sequence on both sides order
  /// it.
  private void put(StatisticsField field, long value) {
    RawMemory.setLongOpaque(word(field), value);
  }

  private long word(StatisticsField field) {
    return pages.address(page) + field.offset();
  }

  @Override
  public String toString() {
    return "statistics";
  }
}
