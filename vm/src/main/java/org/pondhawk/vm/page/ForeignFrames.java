package org.pondhawk.vm.page;

import java.util.Objects;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;

/// The fictitious pages: which numbers they have, and what memory each stands for. An open hash
/// table of page numbers, off the heap, leads from an address to its page.
///
/// **Contract.** [#find] takes no lock and waits for nobody, so that it may be called inside a
/// guard. [#stand] is called by one thread at a time. An address has one page at most.
///
/// **Memory effects.** A page is put into the table with release after its address was stored into
/// its descriptor, and the descriptor's address is read again after the page was found.
public final class ForeignFrames {
  /*
   * A slot holds EMPTY, GONE, or a page number + 1. A page never moves to another slot, so that a
   * search that runs beside changes finds what stays. Slots are twice as many as pages: one EMPTY at
   * least ends a search, unless all of them are GONE, and then the number of slots does.
   */
  private static final int EMPTY = 0;
  private static final int GONE = -1;
  private static final long LINE = 64;
  private static final long MULTIPLIER = 0x9e37_79b9_7f4a_7c15L;

  private final long descriptors;
  private final int first;
  private final int count;
  private final long base;
  private final int slots;
  private final int shift;

  /// Makes pages that stand for nothing.
  ///
  /// @param memory where the table is charged
  /// @param descriptors where the descriptor of page 0 is
  /// @param first the first page number
  /// @param count how many pages, from 0
  ForeignFrames(OwnMemory memory, long descriptors, int first, int count) {
    this.descriptors = descriptors;
    this.first = first;
    this.count = count;
    this.slots = slotsFor(count);
    this.shift = Long.SIZE - Integer.numberOfTrailingZeros(Math.max(slots, 2));
    this.base = slots == 0 ? 0 : memory.allocate(tableBytes(count), "fictitious pages");
  }

  private static int slotsFor(int count) {
    return Integer.highestOneBit(count) << 2;
  }

  private static long tableBytes(int count) {
    return ((long) slotsFor(count) * Integer.BYTES + LINE - 1) & -LINE;
  }

  /// The memory that so many fictitious pages take, descriptors included.
  ///
  /// @param count how many, from 0
  /// @return bytes
  public static long bytesFor(int count) {
    return (long) count * PageLayout.BYTES + tableBytes(count);
  }

  /// How many pages there are, in use or not.
  ///
  /// @return the count
  public int count() {
    return count;
  }

  /// The number of a page.
  ///
  /// @param n which, from 0
  /// @return a page number above every marker's
  public int page(int n) {
    return first + Objects.checkIndex(n, count);
  }

  /// Whether a page is one of these.
  ///
  /// @param page a page number
  /// @return true above the last marker
  public boolean has(int page) {
    return page >= first && page - first < count;
  }

  /// The address that a page stands for as of now; settled for who has the page busy.
  ///
  /// @param page a page of these
  /// @return the address of its first byte, or 0 if it stands for nothing
  public long address(int page) {
    return RawMemory.getLongAcquire(addressWord(page));
  }

  private long addressWord(int page) {
    if (!has(page)) {
      throw new VmPanic("page " + page + " is not fictitious");
    }
    return descriptors + (long) page * PageLayout.BYTES + PageLayout.ADDRESS;
  }

  /// Makes a page stand for memory, or for none.
  ///
  /// @param page a hard-busy page of these
  /// @param address where the memory begins; 0 for none
  public void stand(int page, long address) {
    long word = addressWord(page);
    if (RawMemory.getLong(word) != 0) {
      remove(page);
    }
    RawMemory.setLongRelease(word, address);
    if (address != 0) {
      put(page);
    }
  }

  /// The page that stands for an address.
  ///
  /// @param address where the memory of a page begins
  /// @return the page, or [PageArray#NONE]
  public int find(long address) {
    int at = home(address);
    for (int n = 0; n < slots; n++) {
      int slot = RawMemory.getIntAcquire(word(at));
      if (slot == EMPTY) {
        return PageArray.NONE;
      }
      if (slot != GONE && address(slot - 1) == address) {
        return slot - 1;
      }
      at = next(at);
    }
    return PageArray.NONE;
  }

  /// Puts a page, whose descriptor has its address, where [#find] finds it.
  private void put(int page) {
    int at = home(address(page));
    for (int n = 0; n < slots; n++) {
      int slot = RawMemory.getInt(word(at)); // plain: only who is here changes it
      if (slot == EMPTY || slot == GONE) {
        RawMemory.setIntRelease(word(at), page + 1);
        return;
      }
      at = next(at);
    }
    throw new VmPanic("no room for fictitious page " + page);
  }

  /// Takes a page out, while its descriptor still has its address.
  private void remove(int page) {
    int at = home(address(page));
    for (int n = 0; n < slots; n++) {
      if (RawMemory.getInt(word(at)) == page + 1) {
        RawMemory.setIntRelease(word(at), GONE);
        sweepBack(at);
        return;
      }
      at = next(at);
    }
    throw new VmPanic("fictitious page " + page + " is not where its address is looked up");
  }

  /// Empties the slots of pages that are gone, from one on backwards, if no search has anything to
  /// find behind them.
  private void sweepBack(int from) {
    if (RawMemory.getInt(word(next(from))) != EMPTY) {
      return;
    }
    for (int at = from; RawMemory.getInt(word(at)) == GONE; at = (at - 1) & (slots - 1)) {
      RawMemory.setIntRelease(word(at), EMPTY);
    }
  }

  private int next(int at) {
    return (at + 1) & (slots - 1);
  }

  private int home(long address) {
    return (int) ((address * MULTIPLIER) >>> shift);
  }

  private long word(int slot) {
    return base + (long) slot * Integer.BYTES;
  }
}
