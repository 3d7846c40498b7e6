package org.pondhawk.vm.page;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;
import org.pondhawk.vm.sync.WaitTable;

/// The busy protocol: who may change a page, and who waits for that.
///
/// A *hard-busy* page belongs to one holder, who may change its identity, its content bits and its
/// mappings. A *soft-busy* page keeps its identity and content for several holders. [BusyWord] has
/// the table of transitions, each of which is one method here and one atomic change. Nobody records
/// who holds a page: the completion of an I/O may release what another thread took.
///
/// **Failure.** An illegal transition throws [VmPanic] with the decoded page.
public class PageBusy {
  private static final long SLICE_NANOS = 1_000_000_000L;

  private final PageArray pages;
  final WaitTable waits = new WaitTable("page");

  /// Makes the protocol over the descriptors.
  ///
  /// @param pages the descriptors
  public PageBusy(PageArray pages) {
    this.pages = pages;
  }

  private long word(int page) {
    return pages.word(page, PageLayout.BUSY);
  }

  private int read(int page) {
    return RawMemory.getIntAcquire(word(page));
  }

  private boolean change(int page, int was, int now) {
    return RawMemory.compareAndSetInt(word(page), was, now);
  }

  /// Hard-busies a page that nobody has busy (`vm_page_busy_try` with `also_m_busy`).
  ///
  /// @param page a page
  /// @return true if the caller now has it hard-busy
  public boolean tryHardBusy(int page) {
    for (; ; ) {
      int was = read(page);
      if (!BusyWord.isIdle(was)) {
        return false;
      }
      if (change(page, was, was | BusyWord.LOCKED)) {
        return true;
      }
    }
  }

  /// Hard-busies a page that nobody else has hard-busy, whatever soft holders it has
  /// (`vm_page_busy_try` without `also_m_busy`).
  ///
  /// @param page a page
  /// @return true if the caller now has it hard-busy
  public boolean tryHardBusyBesideSoft(int page) {
    for (; ; ) {
      int was = read(page);
      if (BusyWord.isHardBusy(was)) {
        return false;
      }
      if (change(page, was, was | BusyWord.LOCKED)) {
        return true;
      }
    }
  }

  /// Hard-busies a page that the caller knows to be nobody else's (`vm_page_busy`).
  ///
  /// @param page an idle page
  public void takeIdle(int page) {
    if (!tryHardBusy(page)) {
      throw broken("taken as idle, but busy", page);
    }
  }

  /// Hard-busies a page, waiting for another hard-busy holder but not for soft ones: for the end of
  /// an I/O (`vm_page_busy_wait` without `also_m_busy`). May sleep.
  ///
  /// @param self the calling thread
  /// @param page a page that the caller soft-busied
  public void hardBusyBesideSoft(VmThread self, int page) {
    for (; ; ) {
      int ticket = waits.of(page).ticket();
      int was = read(page);
      if (!BusyWord.isHardBusy(was)) {
        if (change(page, was, was | BusyWord.LOCKED)) {
          return;
        }
      } else if (change(page, was, was | BusyWord.WANTED)) {
        sleepOn(self, page, ticket);
      }
    }
  }

  /// Releases a hard-busy page and wakes who waits for it (`vm_page_wakeup`).
  ///
  /// @param page a hard-busy page
  public void unbusy(int page) {
    if (release(page)) {
      wake(page);
    }
  }

  /// Releases a hard-busy page under a spin lock, where nobody may be woken.
  ///
  /// @param page a hard-busy page
  /// @return true if [#wake] must follow once the spin lock is given back
  public boolean release(int page) {
    if (change(page, BusyWord.LOCKED, 0)) { // nearly always
      return false;
    }
    for (; ; ) {
      int was = read(page);
      if (!BusyWord.isHardBusy(was)) {
        throw broken("released, but not hard-busy", page);
      }
      if (change(page, was, was & ~(BusyWord.LOCKED | BusyWord.WANTED))) {
        return BusyWord.isWanted(was);
      }
    }
  }

  /// Wakes who waits for a page.
  ///
  /// @param page a page
  public void wake(int page) {
    waits.of(page).wakeAll();
  }

  /// Soft-busies a page that is not hard-busy (`vm_page_sbusy_try`).
  ///
  /// @param page a page
  /// @return true if the caller now has it soft-busy
  public boolean trySoftBusy(int page) {
    for (; ; ) {
      int was = read(page);
      if (BusyWord.isHardBusy(was)) {
        return false;
      }
      requireRoom(was, page);
      if (change(page, was, was + 1)) {
        return true;
      }
    }
  }

  /// Adds a soft holder to a page that is busy already (`vm_page_sbusy_hold`, `vm_page_io_start`).
  ///
  /// @param page a busy page
  public void addSoftBusy(int page) {
    int was;
    do {
      was = read(page);
      if (BusyWord.isIdle(was)) {
        throw broken("soft-busied beside nobody", page);
      }
      requireRoom(was, page);
    } while (!change(page, was, was + 1));
  }

  private void requireRoom(int was, int page) {
    if (BusyWord.softHolders(was) == BusyWord.SOFT) {
      throw broken("soft-busied too often", page);
    }
  }

  /// Drops a soft holder; the last one wakes who waits (`vm_page_sbusy_drop`).
  ///
  /// @param page a soft-busy page
  public void dropSoftBusy(int page) {
    for (; ; ) {
      int was = read(page);
      if (BusyWord.softHolders(was) == 0) {
        throw broken("dropped, but not soft-busy", page);
      }
      boolean last = was - 1 == BusyWord.WANTED;
      if (change(page, was, last ? 0 : was - 1)) {
        if (last) {
          waits.of(page).wakeAll();
        }
        return;
      }
    }
  }

  /// Takes a page for a lease, if nobody has it busy in a way that excludes that: soft-busy to
  /// read, hard-busy to write.
  ///
  /// @param page a page
  /// @param write whether its bytes will be changed
  /// @return true if the caller now has it busy
  public boolean tryLease(int page, boolean write) {
    return write ? tryHardBusy(page) : trySoftBusy(page);
  }

  /// Ends what [#tryLease] began.
  ///
  /// @param page a page
  /// @param write as it was leased
  public void endLease(int page, boolean write) {
    if (write) {
      unbusy(page);
    } else {
      dropSoftBusy(page);
    }
  }

  /// Ends the I/O of a page that is hard-busy besides: the unbusy that follows wakes
  /// (`vm_page_io_finish`).
  ///
  /// @param page a page both hard-busy and soft-busy
  public void finishIo(int page) {
    int was;
    do {
      was = read(page);
      if (BusyWord.softHolders(was) == 0 || !BusyWord.isHardBusy(was)) {
        throw broken("I/O finished that was not under way", page);
      }
    } while (!change(page, was, was - 1));
  }

  /// Marks a busy page as being swapped (`PBUSY_SWAPINPROG`).
  ///
  /// @param page a busy page
  public void beginSwap(int page) {
    int was;
    do {
      was = read(page);
      if (BusyWord.isSwapping(was) || BusyWord.isIdle(was)) {
        throw broken("swap begun on a page that is swapping or idle", page);
      }
    } while (!change(page, was, was | BusyWord.SWAPPING));
  }

  /// Takes the mark of [#beginSwap] away; the release that follows wakes.
  ///
  /// @param page a busy page
  public void endSwap(int page) {
    int was = RawMemory.getAndBitwiseAndInt(word(page), ~BusyWord.SWAPPING);
    if (!BusyWord.isSwapping(was)) {
      throw broken("swap ended that was not begun", page);
    }
  }

  /// Sleeps once if a page is busy in either way (`vm_page_sleep_busy`). Counts as a reference.
  ///
  /// @param self the calling thread
  /// @param page a page, which may be anything by the time this returns
  /// @return true if the caller slept or the word changed while it was about to
  public boolean sleepWhileBusy(VmThread self, int page) {
    return sleepWhile(self, page, BusyWord.LOCKED | BusyWord.SOFT);
  }

  /// Sleeps once if a page is hard-busy, whatever soft holders it has (`vm_page_sleep_busy` without
  /// `also_m_busy`). Counts as a reference.
  ///
  /// @param self the calling thread
  /// @param page a page, which may be anything by the time this returns
  /// @return true if the caller slept or the word changed while it was about to
  public boolean sleepWhileHardBusy(VmThread self, int page) {
    return sleepWhile(self, page, BusyWord.LOCKED);
  }

  private boolean sleepWhile(VmThread self, int page, int hindrance) {
    int ticket = waits.of(page).ticket();
    int was = read(page);
    if ((was & hindrance) == 0) {
      return false;
    }
    if (change(page, was, was | BusyWord.WANTED)) {
      sleepOn(self, page, ticket);
    }
    return true;
  }

  /// Wakes who waits for a page, to look again, and leaves it as it is (`vm_page_flash`).
  ///
  /// @param page a page
  public void flash(int page) {
    int was = RawMemory.getAndBitwiseAndInt(word(page), ~BusyWord.WANTED);
    if (BusyWord.isWanted(was)) {
      wake(page);
    }
  }

  /// Sleeps once; a race test puts a note of the ticket in its place.
  void sleepOn(VmThread self, int page, int ticket) {
    pages.setFlags(page, PageFlags.REFERENCED);
    WaitChannel channel = waits.of(page);
    self.sleep(channel, ticket, SLICE_NANOS);
  }

  /// Whether a page is hard-busy, by anyone.
  ///
  /// @param page a page
  /// @return true if it is
  public final boolean isHardBusy(int page) {
    return BusyWord.isHardBusy(read(page));
  }

  /// Whether a page is hard-busy and no more: no soft holder, no swap I/O.
  ///
  /// @param page a page
  /// @return true if so, whoever sleeps for it
  public final boolean isOnlyHardBusy(int page) {
    return (read(page) & ~BusyWord.WANTED) == BusyWord.LOCKED;
  }

  /// How many soft holders a page has.
  ///
  /// @param page a page
  /// @return the count
  public final int softHolders(int page) {
    return BusyWord.softHolders(read(page));
  }

  /// Whether nobody has a page busy.
  ///
  /// @param page a page
  /// @return true if it is neither hard-busy nor soft-busy
  public final boolean isIdle(int page) {
    return BusyWord.isIdle(read(page));
  }

  /// The busy word of a page in words.
  ///
  /// @param page a page
  /// @return as "L-- n=0"
  public final String describe(int page) {
    return BusyWord.describe(read(page));
  }

  /// Fails unless a page is hard-busy: the check behind every operation that needs it.
  ///
  /// @param page a page
  public final void requireHardBusy(int page) {
    if (!isHardBusy(page)) {
      throw broken("not hard-busy", page);
    }
  }

  private VmPanic broken(String what, int page) {
    return new VmPanic(what + ": " + pages.describe(page));
  }
}
