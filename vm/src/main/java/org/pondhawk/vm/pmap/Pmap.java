package org.pondhawk.vm.pmap;

import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.object.Translations;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.VmThread;

/// The page table of one address space (`pmap`): [Pte]s for the whole range, in memory that exists
/// only where it is touched; linear, or in two levels (see [TableForm]).
///
/// **Contract.** An entry is installed for a busy page whose flags say beforehand that it is
/// mapped; it may be removed or weakened by anyone at any time. Taking a right away collects the
/// accessed and modified bits into the page before the page's interlock is given back. A guarded
/// store that saw the old entry may still be under way: who needs to know begins a grace period
/// *after* the change.
///
/// **Memory effects.** Entries change by compare-and-set only.
public final class Pmap implements Translations {
  /*
   * I1  a valid entry maps page m  =>  m has MAPPED, and WRITABLE if the entry is writable
   * I2  a valid entry  =>  its piece of the table is charged, and counts it
   * I3  resident = number of valid entries
   * I4  wired = number of valid entries that are wired, and each stands for one wiring of its page
   */
  private static final long FROZEN = 1;

  private final PageArray pages;
  private final TableMemory memory;
  private final int pageShift;
  private final AtomicLong resident = new AtomicLong();
  private final AtomicLong wired = new AtomicLong();

  /// Makes an empty page table.
  ///
  /// @param id a number of the address space, to spread what belongs to different ones
  /// @param range the size of the address space in bytes
  /// @throws IllegalStateException if the kernel does not grant the addresses for it
  public Pmap(
      PageArray pages, OwnMemory memory, TableFrames frames, long id, long range, TableForm form) {
    this.pages = pages;
    this.pageShift = pages.frames().pageShift();
    this.memory = TableMemory.reserve(memory, frames, id, range >>> pageShift, form);
  }

  /// The form that was chosen.
  public TableForm form() {
    return switch (memory) {
      case LinearTable _ -> TableForm.LINEAR;
      case TwoLevelTable _ -> TableForm.TWO_LEVEL;
    };
  }

  /// Where views begin. Linear: the address of the entry of address 0, which the others follow. In
  /// two levels: what directory words count from.
  public long table() {
    return switch (memory) {
      case LinearTable linear -> linear.table();
      case TwoLevelTable twoLevel -> twoLevel.base();
    };
  }

  /// The address of the directory word of the region that address 0 is in; words follow each other.
  /// A word gives the place of the region's entries, counted from [#table]; there is always one.
  ///
  /// @throws IllegalStateException if the table is linear
  public long directory() {
    if (memory instanceof TwoLevelTable twoLevel) {
      return twoLevel.directory();
    }
    throw new IllegalStateException("a linear table has no directory");
  }

  /// The address of the word of the region that address 0 is in: 0 where the entries alone decide
  /// about stores. Words follow each other.
  public long regions() {
    return memory.regions();
  }

  /// The logarithm of the size of a region: as many pages as one piece of the table has entries.
  public int regionShift() {
    return pageShift + TableMemory.LG_WORDS_PER_PIECE;
  }

  /// How many pages are mapped.
  public long resident() {
    return resident.get();
  }

  /// How many pages are wired because of it.
  public long wired() {
    return wired.get();
  }

  /// Where the entry of an address is. In two levels that is for now: until the memory of the entry
  /// is charged or uncharged.
  public long slot(long address) {
    return memory.slot(address >>> pageShift);
  }

  private long pieceOf(long address) {
    return address >>> regionShift();
  }

  /// The charged piece that the entry of an address is in.
  TablePieces.Piece piece(long address) {
    return memory.charged(pieceOf(address));
  }

  /// The first address whose entry is in a piece of the table.
  private long firstAddressOf(long piece) {
    return piece << regionShift();
  }

  /// The entry of an address.
  public long entry(long address) {
    return RawMemory.getLongAcquire(slot(address));
  }

  /// Whether the memory of the entry of an address is charged, so that it may be read.
  public boolean isCharged(long address) {
    return memory.isChargedEntries(pieceOf(address));
  }

  /// Whether an address whose entry's memory is charged has a valid entry.
  public boolean isMapped(long address) {
    return Pte.isValid(entry(address));
  }

  /// Charges the memory of the entry of an address, if it is not yet. Does not wait for memory.
  ///
  /// @return false if there is no frame to charge it with
  /// @throws org.pondhawk.vm.error.OutOfPagesException if the kernel has no addresses for it
  public boolean charge(VmThread self, long address) {
    return memory.charge(self, pieceOf(address));
  }

  /// Maps a page at an address whose entry's memory is charged (`pmap_enter`). Rights are only ever
  /// added to an entry that maps the page already.
  ///
  /// @param page a hard-busy page
  /// @param writable whether stores are allowed
  /// @param modified whether a store is about to follow
  public void enter(long address, int page, boolean writable, boolean modified) {
    int flags = PageFlags.MAPPED | (writable ? PageFlags.WRITABLE : 0);
    // The page is busy, so an entry that maps it stays: to add a right to it makes no second one.
    boolean again =
        pages.hasFlag(page, PageFlags.MAPPED)
            && !Pte.maps(RawMemory.getLongAcquire(slot(address)), pages.address(page));
    pages.setFlags(page, flags | (again ? PageFlags.MAPPED_MULTI : 0));
    install(address, page, writable, modified);
  }

  /// As [#enter] for a page that was just allocated, which gets its flags and marks with it.
  ///
  /// @param page a hard-busy page with good bytes, that nothing was said about yet
  /// @param modified whether a store is about to follow, which makes the page dirty
  public void enterNew(long address, int page, boolean writable, boolean modified) {
    pages.begin(page, PageFlags.MAPPED | (writable ? PageFlags.WRITABLE : 0), modified);
    install(address, page, writable, modified);
  }

  /// As [#enter] for an address that nobody has asked for yet: only where nothing is mapped, and
  /// without saying that it was accessed.
  ///
  /// @return false if something is mapped there
  public boolean enterAhead(long address, int page, boolean writable) {
    long slot = slot(address);
    long was = RawMemory.getLongAcquire(slot);
    if (Pte.isValid(was)) {
      return false;
    }
    boolean again = pages.hasFlag(page, PageFlags.MAPPED);
    pages.setFlags(
        page,
        PageFlags.MAPPED
            | (writable ? PageFlags.WRITABLE : 0)
            | (again ? PageFlags.MAPPED_MULTI : 0));
    long bits = writable ? Pte.WRITABLE : 0;
    long now = Pte.install(was, pages.address(page), bits, memory.seed());
    piece(address).raise();
    if (RawMemory.compareAndSetLong(slot, was, now)) {
      resident.incrementAndGet();
      return true;
    }
    piece(address).lower();
    return false; // the flags may say too much, which is allowed
  }

  private void install(long address, int page, boolean writable, boolean modified) {
    long slot = slot(address);
    long frame = pages.address(page);
    long bits =
        Pte.ACCESSED | (writable ? Pte.WRITABLE : 0) | (writable && modified ? Pte.MODIFIED : 0);
    for (; ; ) {
      long was = RawMemory.getLongAcquire(slot);
      if (!Pte.isValid(was)) {
        piece(address).raise();
        if (RawMemory.compareAndSetLong(slot, was, Pte.install(was, frame, bits, memory.seed()))) {
          resident.incrementAndGet();
          return;
        }
        piece(address).lower();
      } else if (Pte.frame(was) != frame) {
        if (replace(slot, was, Pte.install(was, frame, bits, memory.seed()))) {
          return;
        }
      } else if (RawMemory.compareAndSetLong(slot, was, was | bits)) {
        return;
      }
    }
  }

  /// Puts a nearer page of a chain in the place of a deeper one, whose bits are collected.
  private boolean replace(long slot, long was, long now) {
    int old = pages.pageAt(Pte.frame(was));
    requireUnwired(was);
    if (old == PageArray.NONE) {
      return false; // a fictitious page was freed, and took the entry with it
    }
    pages.interlock(old, 1);
    boolean done = RawMemory.compareAndSetLong(slot, was, now);
    if (done) {
      collect(old, was);
      pages.clearMappedUnlessMulti(old);
    }
    pages.interlock(old, -1);
    return done;
  }

  // ---- regions: the right to store, taken away from many entries at once

  /// Takes the right to store from every entry of a range, with one word for each region that has
  /// any. The caller begins a grace period afterwards and keeps new faults out meanwhile.
  ///
  /// @return whether there is any
  public boolean freeze(long start, long end) {
    boolean any = false;
    for (long n : memory.chargedEntries()) {
      if (firstAddressOf(n) < end && firstAddressOf(n + 1) > start) {
        RawMemory.setLongVolatile(memory.region(n), FROZEN);
        any = true;
      }
    }
    return any;
  }

  /// Whether the region of an address is frozen, so that its entries allow no store.
  public boolean isFrozen(long address) {
    return RawMemory.getLongAcquire(memory.region(pieceOf(address))) == FROZEN;
  }

  /// Gives the region of an address back to its entries, none of which allows a store at first: who
  /// may store finds out in a fault.
  public void thaw(long address) {
    if (!isFrozen(address)) {
      return;
    }
    memory.lock();
    try {
      long piece = pieceOf(address);
      if (isFrozen(address)) {
        protectPiece(piece);
        RawMemory.setLongVolatile(memory.region(piece), 0);
      }
    } finally {
      memory.unlock();
    }
  }

  private void protectPiece(long piece) {
    writeProtectIn(firstAddressOf(piece), firstAddressOf(piece + 1));
  }

  /// Sets the accessed bit, and for a store the modified bit, as hardware does.
  ///
  /// @return false if the entry does not allow the access: that is a fault
  public boolean touch(long address, boolean write) {
    long slot = slot(address);
    long needs = write ? Pte.VALID | Pte.WRITABLE : Pte.VALID;
    long sets = write ? Pte.ACCESSED | Pte.MODIFIED : Pte.ACCESSED;
    if (write && isFrozen(address)) {
      return false;
    }
    for (; ; ) {
      long was = RawMemory.getLongAcquire(slot);
      if ((was & needs) != needs) {
        return false;
      }
      if ((was & sets) == sets || RawMemory.compareAndSetLong(slot, was, was | sets)) {
        return true;
      }
    }
  }

  /// Removes every entry of a range (`pmap_remove`), collecting bits. The caller begins a grace
  /// period before it uses any of the frames anew.
  ///
  /// @param start the first address
  /// @param end the address behind the last
  public void remove(long start, long end) {
    forEachCharged(start, end, this::removeIn);
  }

  /// Calls back for each part of a range whose entries are in one charged piece.
  private void forEachCharged(long start, long end, RangeAction action) {
    long behind = pieceOf(end - 1) + 1;
    long n = memory.nextCharged(pieceOf(start), behind);
    while (n >= 0) {
      action.in(Math.max(start, firstAddressOf(n)), Math.min(end, firstAddressOf(n + 1)));
      n = memory.nextCharged(n + 1, behind);
    }
  }

  /// Does something with the entries of a range.
  private interface RangeAction {
    void in(long start, long end);
  }

  private void removeIn(long start, long end) {
    for (long address = start; address < end; address += 1L << pageShift) {
      long pte = entry(address);
      int page = Pte.isValid(pte) ? pages.pageAt(Pte.frame(pte)) : PageArray.NONE;
      if (page != PageArray.NONE) { // or a fictitious page was freed, and took the entry with it
        requireUnwired(remove(address, page, true));
      }
    }
  }

  /// As [#remove], beside faults on the same addresses, and but for wired entries. The pages stay
  /// noted as mapped, because a fault may be adding a right to the very entry that goes; the next
  /// reverse scan finds out. None becomes wired meanwhile: the caller has the map shared.
  public void invalidate(long start, long end) {
    forEachCharged(start, end, this::invalidateIn);
  }

  private void invalidateIn(long start, long end) {
    for (long address = start; address < end; address += 1L << pageShift) {
      long pte = entry(address);
      boolean goes = Pte.isValid(pte) && (pte & Pte.WIRED) == 0;
      int page = goes ? pages.pageAt(Pte.frame(pte)) : PageArray.NONE;
      if (page != PageArray.NONE) {
        requireUnwired(remove(address, page, false));
      }
    }
  }

  /// Takes the right to store from every entry of a range (`pmap_protect`), collecting bits. The
  /// caller begins a grace period before it relies on it.
  ///
  /// @param start the first address
  /// @param end the address behind the last
  public void writeProtect(long start, long end) {
    forEachCharged(start, end, this::writeProtectIn);
  }

  private void writeProtectIn(long start, long end) {
    for (long a = start; a < end; a += 1L << pageShift) {
      long pte = entry(a);
      int page = Pte.isWritable(pte) ? pages.pageAt(Pte.frame(pte)) : PageArray.NONE;
      if (page != PageArray.NONE) {
        writeProtect(a, page);
      }
    }
  }

  /// Uncharges the pieces of the table that lie in a range and have no valid entry, and the region
  /// words of which none is needed any more. All entries of the range are removed and none is being
  /// installed: the caller has the map to itself.
  public void uncharge(VmThread self, long start, long end) {
    long whole = pieceOf(start + (1L << regionShift()) - 1);
    memory.awaitEmpty(self, whole, pieceOf(end));
    memory.uncharge(self, pieceOf(start), pieceOf(end - 1) + 1);
  }

  /// The wired pages that charge the table.
  public List<Integer> balloons() {
    return memory.balloons();
  }

  /// Calls back for every valid entry.
  public void forEachValid(EntryVisitor visitor) {
    for (long n : memory.chargedEntries()) {
      int valid = 0;
      for (long a = firstAddressOf(n); a < firstAddressOf(n + 1); a += 1L << pageShift) {
        long pte = entry(a);
        if (Pte.isValid(pte)) {
          valid++;
          visitor.entry(a, pte);
        }
      }
      visitor.piece(n, valid, memory.charged(n).valid());
    }
  }

  /// What does not fit together in the table's memory, in words. No entry is being installed.
  public List<String> problems() {
    return memory.problems();
  }

  /// Sees the entries of a table.
  public interface EntryVisitor {
    /// A valid entry.
    void entry(long address, long pte);

    /// A charged piece of the table: how many valid entries it has, and how many it thinks it has.
    default void piece(long number, int valid, int counted) {}
  }

  // ---- wired entries

  /// Wires the entry of an address, if it maps a page and is not wired yet.
  ///
  /// @param page a hard-busy page, so that its entry stays
  /// @return whether it is wired only now: the caller wires the page once more
  public boolean wire(long address, int page) {
    long slot = slot(address);
    long frame = pages.address(page);
    for (; ; ) {
      long was = RawMemory.getLongAcquire(slot);
      if (!Pte.maps(was, frame) || (was & Pte.WIRED) != 0) {
        return false;
      }
      if (RawMemory.compareAndSetLong(slot, was, was | Pte.WIRED)) {
        wired.incrementAndGet();
        return true;
      }
    }
  }

  /// Takes the wiring of an entry away (`pmap_unwire`). The caller has the map to itself, or the
  /// page hard-busy.
  ///
  /// @return the page, of which the caller gives one wiring back; [PageArray#NONE] if the entry is
  ///   not wired
  public int unwire(long address) {
    if (!isCharged(address)) {
      return PageArray.NONE;
    }
    long slot = slot(address);
    for (; ; ) {
      long was = RawMemory.getLongAcquire(slot);
      if (!Pte.isValid(was) || (was & Pte.WIRED) == 0) {
        return PageArray.NONE;
      }
      if (RawMemory.compareAndSetLong(slot, was, was & ~Pte.WIRED)) {
        wired.decrementAndGet();
        return pages.pageAt(Pte.frame(was));
      }
    }
  }

  /// The first address of a range whose entry is wired, or -1. None is being installed.
  ///
  /// @param start the first address
  /// @param end the address behind the last
  public long nextWired(long start, long end) {
    if (wired.get() == 0) {
      return -1;
    }
    long behind = pieceOf(end - 1) + 1;
    long n = memory.nextCharged(pieceOf(start), behind);
    while (n >= 0) {
      long to = Math.min(end, firstAddressOf(n + 1));
      for (long a = Math.max(start, firstAddressOf(n)); a < to; a += 1L << pageShift) {
        if (Pte.isWired(entry(a))) {
          return a;
        }
      }
      n = memory.nextCharged(n + 1, behind);
    }
    return -1;
  }

  private static void requireUnwired(long pte) {
    if ((pte & Pte.WIRED) != 0) {
      throw new VmPanic("a wired entry goes, and its wiring stays: " + Pte.describe(pte));
    }
  }

  // ---- one entry, as a reverse scan sees it

  @Override
  public boolean remove(long address, int page) {
    return (remove(address, page, false) & Pte.WIRED) != 0;
  }

  /// Removes the entry of an address if it maps a page.
  ///
  /// @param unflag whether the page's mapped flags go with it, as nobody has the page busy. Only if
  ///   the entry was really removed, and only inside the interlock: anywhere else the page may be
  ///   somebody else's already, and mapped there
  /// @return the entry that was removed, or 0
  private long remove(long address, int page, boolean unflag) {
    long slot = slot(address);
    long frame = pages.address(page);
    long was;
    pages.interlock(page, 1);
    for (; ; ) {
      was = RawMemory.getLongAcquire(slot);
      if (!Pte.maps(was, frame)) {
        was = 0;
        break;
      }
      if (RawMemory.compareAndSetLong(slot, was, Pte.removed(was))) {
        collect(page, was);
        if (unflag) {
          pages.clearMappedUnlessMulti(page);
        }
        piece(address).lower();
        resident.decrementAndGet();
        if ((was & Pte.WIRED) != 0) {
          wired.decrementAndGet();
        }
        break;
      }
    }
    pages.interlock(page, -1);
    return was;
  }

  @Override
  public void writeProtect(long address, int page) {
    long slot = slot(address);
    long frame = pages.address(page);
    pages.interlock(page, 1);
    for (; ; ) {
      long was = RawMemory.getLongAcquire(slot);
      if (!Pte.maps(was, frame) || (was & (Pte.WRITABLE | Pte.MODIFIED)) == 0) {
        break;
      }
      long now = was & ~(Pte.WRITABLE | Pte.MODIFIED);
      if (RawMemory.compareAndSetLong(slot, was, now)) {
        collect(page, was & ~Pte.ACCESSED);
        break;
      }
    }
    pages.interlock(page, -1);
  }

  private void collect(int page, long pte) {
    if ((pte & Pte.MODIFIED) != 0) {
      pages.setDirty(page);
    }
    if ((pte & Pte.ACCESSED) != 0) {
      pages.setFlags(page, PageFlags.REFERENCED);
    }
  }

  @Override
  public boolean isWired(long address, int page) {
    long pte = entry(address);
    return Pte.maps(pte, pages.address(page)) && (pte & Pte.WIRED) != 0;
  }

  @Override
  public boolean isModified(long address, int page) {
    long pte = entry(address);
    return Pte.maps(pte, pages.address(page)) && (pte & Pte.MODIFIED) != 0;
  }

  @Override
  public boolean testAndClearReferenced(long address, int page) {
    long slot = slot(address);
    long frame = pages.address(page);
    for (; ; ) {
      long was = RawMemory.getLongAcquire(slot);
      if (!Pte.maps(was, frame) || (was & Pte.ACCESSED) == 0) {
        return false;
      }
      if ((was & Pte.MODIFIED) != 0) {
        pages.setDirty(page); // first: whoever removes the entry meanwhile must not see neither
      }
      if (RawMemory.compareAndSetLong(slot, was, was & ~(Pte.ACCESSED | Pte.MODIFIED))) {
        return true;
      }
    }
  }

  // ---- the life of the table's memory

  @Override
  public boolean pin() {
    return memory.pin();
  }

  @Override
  public void unpin() {
    memory.unpin();
  }

  /// Gives the table's memory back once nobody holds it. Every entry is gone and every piece
  /// uncharged.
  public void close() {
    memory.close();
  }
}
