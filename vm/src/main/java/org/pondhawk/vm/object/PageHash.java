package org.pondhawk.vm.object;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.Ticker;
import org.pondhawk.vm.sync.Tunable;

/// The page hash: which page an object had at an index when somebody last looked it up
/// (`vm_page_hash_elm`), in sets of four entries off the heap.
///
/// It finds a page that many map with two loads beside its descriptor, however large the object is,
/// and without its token. What it says is a hint: an entry is never taken back when its page goes.
///
/// **Contract.** The caller keeps the object alive. Nothing here waits, locks, or takes memory from
/// the heap. A hit is soft-busy, and was the object's at that index since it was made so; nothing
/// is said of its content. A miss says nothing at all.
///
/// **Memory effects.** None but those of making the page busy. Entries are written and read one
/// field at a time, in no order.
public class PageHash {
  /*
   * What is read from an entry is anything: a page of this object, of another one, a free one, or the
   * number of one page beside the index of another. A page's identity changes only while it is
   * hard-busy. So a page that an entry names is made soft-busy first, and asked then who it is.
   *
   * H1  a number that was ever entered is a frame's, and frames never go: there is a descriptor to ask
   *
   * Only pages that may have several mappings are entered: what one process alone maps it seldom faults
   * on twice. (With the index of the object at hand, which a fault reads without the token too, the hash
   * is not what faults go by unless asked to: ADR 0020.)
   *
   * Differs from DragonFly: the lowest two bits of an index are masked, so that sets do not overlap and
   * need no slack at the end; the victim is the oldest entry of the set. Follows: vm_page_hash_get,
   * vm_page_hash_enter.
   */
  static final int WAYS = 4;

  private static final int LEAST_ENTRIES = 4096;
  private static final int MOST_ENTRIES = 8 << 20;
  private static final int FRAMES_PER_ENTRY = 16;
  private static final int OBJECT_SHIFT = 21;

  /// A tick is 2^24 ns, about as long as one of the reference's at 60 Hz.
  private static final int LG_NANOS_PER_TICK = 24;

  /// Clocks of different processors may differ by as much.
  private static final int TICK_RACE = 1;

  private final PageArray pages;
  private final PageBusy busy;
  private final Ticker ticker;
  private final Tunable filesOnly;
  private final long base;
  private final int entryCount;

  /// How many entries a machine has that is asked for none in particular: one for 16 pages, rounded
  /// up to a power of two, from 4,096 to 8 Mi.
  public static int entriesFor(int frameCount) {
    int entries = LEAST_ENTRIES;
    while (entries < MOST_ENTRIES && entries < frameCount / FRAMES_PER_ENTRY) {
      entries <<= 1;
    }
    return entries;
  }

  /// The least number of entries that it can have, if it is to have so many.
  ///
  /// @param wanted from 0
  public static int roundUp(int wanted) {
    if (wanted == 0) {
      return 0;
    }
    return Math.max(WAYS, Integer.highestOneBit(wanted - 1) << 1);
  }

  /// The memory that it takes.
  ///
  /// @return bytes
  public static long bytesFor(int entryCount) {
    return (long) entryCount * PageHashLayout.BYTES;
  }

  /// Makes one in which nothing is known.
  ///
  /// @param memory where it is charged
  /// @param entryCount a power of two from 4, or 0: then everything misses, and nothing is entered
  /// @param filesOnly not 0 to enter pages of files alone (`vm.page_hash_vnode_only`)
  public PageHash(
      OwnMemory memory,
      PageArray pages,
      PageBusy busy,
      Ticker ticker,
      int entryCount,
      Tunable filesOnly) {
    if (entryCount != 0 && (entryCount < WAYS || Integer.bitCount(entryCount) != 1)) {
      throw new VmPanic("a page hash of " + entryCount + " entries");
    }
    this.pages = pages;
    this.busy = busy;
    this.ticker = ticker;
    this.filesOnly = filesOnly;
    this.entryCount = entryCount;
    this.base = entryCount == 0 ? 0 : memory.allocate(bytesFor(entryCount), "page hash");
  }

  /// How many entries it has; 0 if there is none.
  public int entryCount() {
    return entryCount;
  }

  /// Finds the page at an index and makes it soft-busy (`vm_page_hash_get`).
  /// [PageBusy#dropSoftBusy] ends that.
  ///
  /// @param object an object that stays alive meanwhile
  /// @return the page, or [PageArray#NONE] for "don't know"
  public final int get(VmObject object, long pindex) {
    if (entryCount == 0) {
      return PageArray.NONE;
    }
    long set = set(object, pindex);
    for (int way = 0; way < WAYS; way++) {
      long entry = entry(set, way);
      int page = candidate(entry, object, pindex);
      if (page != PageArray.NONE && busy.trySoftBusy(page)) {
        if (isStill(object, pindex, page)) {
          refresh(entry);
          return page;
        }
        busy.dropSoftBusy(page);
      }
    }
    return PageArray.NONE;
  }

  /// The page that an entry names for an index, as far as one can tell without having it busy: for
  /// who makes it hard-busy next, and looks again.
  ///
  /// @return a page, or [PageArray#NONE] for "don't know"
  final int peek(VmObject object, long pindex) {
    if (entryCount == 0) {
      return PageArray.NONE;
    }
    long set = set(object, pindex);
    for (int way = 0; way < WAYS; way++) {
      long entry = entry(set, way);
      int page = candidate(entry, object, pindex);
      if (page != PageArray.NONE) {
        refresh(entry);
        return page;
      }
    }
    return PageArray.NONE;
  }

  private int candidate(long entry, VmObject object, long pindex) {
    // Opaque is enough here and below: what is read is not believed before the page is busy.
    if (RawMemory.getLongOpaque(entry + PageHashLayout.PINDEX) != pindex
        || RawMemory.getIntOpaque(entry + PageHashLayout.SLOT) != object.slot()
        || RawMemory.getLongOpaque(entry + PageHashLayout.ID) != object.id()) {
      return PageArray.NONE;
    }
    int page = RawMemory.getIntOpaque(entry + PageHashLayout.PAGE) - 1;
    return page >= 0 && belongs(object, pindex, page) ? page : PageArray.NONE;
  }

  private boolean belongs(VmObject object, long pindex, int page) {
    return pages.object(page) == object.slot() && pages.pindex(page) == pindex;
  }

  /// Whether a page that is busy by now is the object's at an index; a race test puts a belief in
  /// its place.
  protected boolean isStill(VmObject object, long pindex, int page) {
    return belongs(object, pindex, page);
  }

  /// Remembers where a page is, if it is of a kind that is looked up again (`vm_page_hash_enter`).
  ///
  /// @param page a page of an object that is busy, or whose object's token the caller holds
  public final void enter(VmObject object, long pindex, int page) {
    if (entryCount == 0 || !isWorthwhile(page)) {
      return;
    }
    long set = set(object, pindex);
    int ticks = ticks();
    int victim = 0;
    int oldest = -1;
    for (int way = 0; way < WAYS; way++) {
      long entry = entry(set, way);
      if (isEntered(entry, object, pindex, page)) {
        refresh(entry);
        return;
      }
      int age = age(entry, ticks);
      if (age > oldest) {
        oldest = age;
        victim = way;
      }
    }
    write(entry(set, victim), object, pindex, page, ticks);
  }

  private boolean isWorthwhile(int page) {
    int flags = pages.flags(page);
    return (flags & (PageFlags.MAPPED_MULTI | PageFlags.FICTITIOUS)) == PageFlags.MAPPED_MULTI
        && page < pages.frameCount()
        && filesOnly.get() == 0;
  }

  private boolean isEntered(long entry, VmObject object, long pindex, int page) {
    return RawMemory.getIntOpaque(entry + PageHashLayout.PAGE) == page + 1
        && RawMemory.getLongOpaque(entry + PageHashLayout.PINDEX) == pindex
        && RawMemory.getIntOpaque(entry + PageHashLayout.SLOT) == object.slot()
        && RawMemory.getLongOpaque(entry + PageHashLayout.ID) == object.id();
  }

  /// How old an entry is, in ticks; one that was never used, or is of the future, is the oldest.
  private int age(long entry, int ticks) {
    if (RawMemory.getIntOpaque(entry + PageHashLayout.PAGE) == 0) {
      return Integer.MAX_VALUE;
    }
    int age = ticks - RawMemory.getIntOpaque(entry + PageHashLayout.TICKS);
    return age < -TICK_RACE ? Integer.MAX_VALUE : Math.max(age, 0);
  }

  private static void write(long entry, VmObject object, long pindex, int page, int ticks) {
    RawMemory.setIntOpaque(entry + PageHashLayout.PAGE, page + 1);
    RawMemory.setIntOpaque(entry + PageHashLayout.SLOT, object.slot());
    RawMemory.setLongOpaque(entry + PageHashLayout.PINDEX, pindex);
    RawMemory.setLongOpaque(entry + PageHashLayout.ID, object.id());
    RawMemory.setIntOpaque(entry + PageHashLayout.TICKS, ticks);
  }

  private void refresh(long entry) {
    int ticks = ticks();
    if (RawMemory.getIntOpaque(entry + PageHashLayout.TICKS) != ticks) {
      RawMemory.setIntOpaque(entry + PageHashLayout.TICKS, ticks);
    }
  }

  private int ticks() {
    return (int) (ticker.nanos() >>> LG_NANOS_PER_TICK);
  }

  /// The first entry of the set of an index: following indexes of an object have following sets.
  final long set(VmObject object, long pindex) {
    return (object.hashStart() + WAYS * pindex) & (entryCount - 1) & -WAYS;
  }

  /// What the entries of an object are counted from: as the reference does it, from a number of the
  /// object instead of its address.
  static long start(long objectId) {
    long hash = WAYS * Integer.toUnsignedLong(Crc32c.of(objectId));
    return hash ^ (hash >>> OBJECT_SHIFT);
  }

  private long entry(long set, int way) {
    return base + (set + way) * PageHashLayout.BYTES;
  }
}
