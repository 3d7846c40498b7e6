package org.pondhawk.vm.page;

import java.util.concurrent.Executor;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.sync.LockOrder;
import org.pondhawk.vm.sync.LockRank;
import org.pondhawk.vm.sync.ParallelLoop;
import org.pondhawk.vm.sync.SpinLock;

/// The descriptors of all pages, indexed by page number (`vm_page_array`).
///
/// Page numbers below [#frameCount] have a frame of memory, or stand for a hole between frames.
/// Above them are markers, which are positions of scans in the queues, and above these fictitious
/// pages, which stand for memory that is not the machine's. [PageLayout] draws a descriptor and
/// says what must be held for each field; the busy word belongs to [PageBusy].
public class PageArray {
  /// The page number that stands for none.
  public static final int NONE = -1;

  /// The object slot of a page that belongs to no object.
  public static final int NO_OBJECT = -1;

  /// How many may send a page's bytes at once.
  public static final int MOST_SENDERS = MappingWord.MAX_COW;

  /// Descriptors of 8 MiB: a machine below 1 GiB or so is booted by its caller alone.
  private static final int PAGES_PER_PIECE = 1 << 17;

  private static final int HELPERS = 3;

  private static final int COLOR_SHIFT = 16;
  private static final int QUEUE_MASK = (1 << COLOR_SHIFT) - 1;
  private static final long OBJECT_AND_QUEUE = PageLayout.pair(-1, QUEUE_MASK);
  private static final long LOOSE = PageLayout.pair(NO_OBJECT, 0);

  private final long base;
  private final int frameCount;
  private final int markerCount;
  private final FrameMemory frames;
  private final ForeignFrames foreign;

  /// Makes the descriptors of a machine without fictitious pages.
  ///
  /// @param memory where the descriptors are charged
  /// @param frames the frames that the first descriptors stand for
  /// @param markerCount how many markers to add behind them
  public PageArray(OwnMemory memory, FrameMemory frames, int markerCount) {
    this(memory, frames, markerCount, 0, Runnable::run);
  }

  /// Makes the descriptors of a machine.
  ///
  /// @param memory where the descriptors are charged
  /// @param frames the frames that the first descriptors stand for
  /// @param markerCount how many markers to add behind them
  /// @param fictitiousCount how many fictitious pages to add behind those
  /// @param helpers threads that help where there are many: the kernel has to find memory for all
  public PageArray(
      OwnMemory memory,
      FrameMemory frames,
      int markerCount,
      int fictitiousCount,
      Executor helpers) {
    this.frames = frames;
    this.frameCount = frames.frameCount();
    this.markerCount = markerCount;
    int own = frameCount + markerCount;
    int all = own + fictitiousCount;
    this.base = memory.allocate((long) all * PageLayout.BYTES, "page descriptors");
    this.foreign = new ForeignFrames(memory, base, own, fictitiousCount);
    ParallelLoop.run(all, PAGES_PER_PIECE, HELPERS, helpers, this::initialise);
  }

  /// The memory that the descriptors of a machine take.
  ///
  /// @param frameCount pages with a frame
  /// @param markerCount pages without
  /// @return bytes
  public static long bytesFor(int frameCount, int markerCount) {
    return (long) (frameCount + markerCount) * PageLayout.BYTES;
  }

  private void initialise(int from, int to) {
    for (int page = from; page < to; page++) {
      initialise(page);
    }
  }

  private void initialise(int page) {
    RawMemory.putInt(word(page, PageLayout.OBJECT), NO_OBJECT);
    RawMemory.putInt(word(page, PageLayout.NEXT), NONE);
    RawMemory.putInt(word(page, PageLayout.PREV), NONE);
    RawMemory.putInt(word(page, PageLayout.PLACE), PageColor.atFirst(page) << COLOR_SHIFT);
    if (page < frameCount) {
      RawMemory.putLong(word(page, PageLayout.ADDRESS), frames.address(page));
      return;
    }
    int outside = PageFlags.FICTITIOUS | PageFlags.UNQUEUED;
    boolean marker = isMarker(page);
    RawMemory.putInt(word(page, PageLayout.FLAGS), marker ? outside | PageFlags.MARKER : outside);
    if (marker) {
      RawMemory.putInt(word(page, PageLayout.BUSY), BusyWord.LOCKED);
      RawMemory.putInt(word(page, PageLayout.WIRE), 1);
    }
  }

  /// How many pages have a frame.
  ///
  /// @return the count; their numbers are below it
  public final int frameCount() {
    return frameCount;
  }

  /// The page number of a marker.
  ///
  /// @param n which marker, from 0
  /// @return a page number above every frame's
  public final int marker(int n) {
    if (n < 0 || n >= markerCount) {
      throw new IllegalArgumentException("marker " + n + " of " + markerCount);
    }
    return frameCount + n;
  }

  /// Whether a page number is a marker.
  ///
  /// @param page a page number
  /// @return true above the last frame
  public final boolean isMarker(int page) {
    return page >= frameCount && page < frameCount + markerCount;
  }

  /// How many descriptors there are.
  ///
  /// @return the count of frames, markers and fictitious pages
  public final int count() {
    return frameCount + markerCount + foreign.count();
  }

  /// The page that stands for what an address lies at: the frame it lies in, or the fictitious page
  /// that begins there (`PHYS_TO_VM_PAGE` for addresses of this process). Takes no lock.
  ///
  /// @param address an absolute address, as page table entries have it
  /// @return a page, or [#NONE]
  public final int pageAt(long address) {
    if (frames.contains(address)) {
      return frames.frameOf(address);
    }
    return foreign.find(address);
  }

  /// The fictitious pages, above the markers.
  ///
  /// @return their numbers and addresses
  public final ForeignFrames foreign() {
    return foreign;
  }

  /// The frames behind the pages.
  ///
  /// @return the arena of frames
  public final FrameMemory frames() {
    return frames;
  }

  /// The absolute address of a page's frame, or of the memory that a fictitious page stands for.
  /// Plain: a frame's never changes, and a fictitious page's only while it is hard-busy.
  ///
  /// @param page a page that is no marker
  /// @return the address of its first byte
  public final long address(int page) {
    return RawMemory.getLong(word(page, PageLayout.ADDRESS));
  }

  final long word(int page, long field) {
    return base + (long) page * PageLayout.BYTES + field;
  }

  // ---- flags, atomic

  /// The flags of a page.
  ///
  /// @param page a page
  /// @return bits of [PageFlags]
  public final int flags(int page) {
    return RawMemory.getIntAcquire(word(page, PageLayout.FLAGS));
  }

  /// Whether any of some flags is set.
  ///
  /// @param page a page
  /// @param flags bits of [PageFlags]
  /// @return true if at least one is set
  public final boolean hasFlag(int page, int flags) {
    return (flags(page) & flags) != 0;
  }

  /// Sets flags.
  ///
  /// @param page a page
  /// @param flags bits of [PageFlags]
  public final void setFlags(int page, int flags) {
    if ((flags(page) & flags) != flags) {
      RawMemory.getAndBitwiseOrInt(word(page, PageLayout.FLAGS), flags);
    }
  }

  /// Clears flags.
  ///
  /// @param page a page
  /// @param flags bits of [PageFlags]
  public final void clearFlags(int page, int flags) {
    if ((flags(page) & flags) != 0) {
      RawMemory.getAndBitwiseAndInt(word(page, PageLayout.FLAGS), ~flags);
    }
  }

  /// Clears flags of a page that is its holder's alone. A store is enough: nobody else changes the
  /// flags of such a page, but for who notes a reference in passing, which may be lost.
  ///
  /// @param page a hard-busy page of no object that nobody maps
  /// @param was its flags, as the caller saw them
  /// @param flags bits of [PageFlags]
  public final void clearFlagsOfOwn(int page, int was, int flags) {
    if ((was & flags) != 0) {
      RawMemory.setIntRelease(word(page, PageLayout.FLAGS), was & ~flags);
    }
  }

  /// Clears the mapped flags of a page that lost a mapping without being busy: only if it never had
  /// a second one.
  ///
  /// @param page a page
  public final void clearMappedUnlessMulti(int page) {
    long word = word(page, PageLayout.FLAGS);
    for (; ; ) {
      int was = RawMemory.getIntAcquire(word);
      if ((was & PageFlags.MAPPED_MULTI) != 0) {
        return;
      }
      int now = was & ~(PageFlags.MAPPED | PageFlags.WRITABLE);
      if (was == now || RawMemory.compareAndSetInt(word, was, now)) {
        return;
      }
    }
  }

  // ---- wire and hold, atomic

  /// How often a page is wired.
  ///
  /// @param page a page
  /// @return the count; above 0 it is not reclaimed
  public final int wireCount(int page) {
    return RawMemory.getIntAcquire(word(page, PageLayout.WIRE));
  }

  /// Changes the wire count.
  ///
  /// @param page a page
  /// @param delta 1 or -1
  /// @return the count before
  public final int addWire(int page, int delta) {
    return RawMemory.getAndAddInt(word(page, PageLayout.WIRE), delta);
  }

  /// Changes the wire count if it is what the caller saw.
  ///
  /// @param page a page
  /// @param was the count that was seen
  /// @param now the new one
  /// @return whether it was changed
  public final boolean changeWire(int page, int was, int now) {
    return RawMemory.compareAndSetInt(word(page, PageLayout.WIRE), was, now);
  }

  /// How often a page is held against reuse.
  ///
  /// @param page a page
  /// @return the count
  public final int holdCount(int page) {
    return RawMemory.getIntAcquire(word(page, PageLayout.HOLD));
  }

  /// Changes the hold count.
  ///
  /// @param page a page
  /// @param delta 1 or -1
  /// @return the count before
  public final int addHold(int page, int delta) {
    return RawMemory.getAndAddInt(word(page, PageLayout.HOLD), delta);
  }

  /// Whether a page is neither wired nor held.
  ///
  /// @param page a page
  /// @return true if both counts are 0
  public final boolean isUnpinned(int page) {
    return RawMemory.getLongAcquire(word(page, PageLayout.WIRE)) == 0;
  }

  // ---- identity: object and pindex

  /// The slot of the object that owns a page.
  ///
  /// @param page a page
  /// @return the slot, or [#NO_OBJECT]
  public final int object(int page) {
    return RawMemory.getIntAcquire(word(page, PageLayout.OBJECT));
  }

  /// The index of a page in its object.
  ///
  /// @param page a page that belongs to an object
  /// @return the index in pages
  public final long pindex(int page) {
    return RawMemory.getLong(word(page, PageLayout.PINDEX));
  }

  /// Makes a page belong to an object, or to none.
  ///
  /// @param page a hard-busy page
  /// @param object the slot of the object, or [#NO_OBJECT]
  /// @param pindex its index there
  public final void setIdentity(int page, int object, long pindex) {
    RawMemory.putLong(word(page, PageLayout.PINDEX), pindex);
    RawMemory.setIntRelease(word(page, PageLayout.OBJECT), object);
  }

  // ---- queue links, under the queue's spin lock

  /// The queue that a page is on; a hint unless its spin lock is held.
  ///
  /// @param page a page
  /// @return the index of a queue, 0 for none
  public final int queue(int page) {
    return RawMemory.getIntAcquire(word(page, PageLayout.PLACE)) & QUEUE_MASK;
  }

  /// Notes the queue that a page is on.
  ///
  /// @param page a page whose spin lock and queue are held
  /// @param queue the index of a queue, 0 for none
  public final void setQueue(int page, int queue) {
    long word = word(page, PageLayout.PLACE);
    RawMemory.setIntRelease(word, (RawMemory.getInt(word) & ~QUEUE_MASK) | queue);
  }

  /// The colour of a page (`pc`), which never changes once the machine has booted.
  ///
  /// @param page a page
  /// @return from 0 to [PageColor#COUNT] - 1
  public final int color(int page) {
    return RawMemory.getIntOpaque(word(page, PageLayout.PLACE)) >>> COLOR_SHIFT;
  }

  /// Gives a page another colour, while the machine boots.
  ///
  /// @param page a page whose spin lock and queue are held, if it is on one
  /// @param color from 0 to [PageColor#COUNT] - 1
  public final void setColor(int page, int color) {
    if ((color & ~PageColor.MASK) != 0) {
      throw new IllegalArgumentException("color=" + color + " of page " + page);
    }
    RawMemory.setIntRelease(word(page, PageLayout.PLACE), (color << COLOR_SHIFT) | queue(page));
  }

  /// The page behind this one on its queue.
  ///
  /// @param page a page whose queue is held
  /// @return a page, or [#NONE]
  public final int next(int page) {
    return RawMemory.getInt(word(page, PageLayout.NEXT));
  }

  /// The page before this one on its queue.
  ///
  /// @param page a page whose queue is held
  /// @return a page, or [#NONE]
  public final int prev(int page) {
    return RawMemory.getInt(word(page, PageLayout.PREV));
  }

  /// Links a page to its neighbours, with one store.
  ///
  /// @param page a page whose queue is held
  /// @param next a page, or [#NONE]
  /// @param prev a page, or [#NONE]
  public final void setLinks(int page, int next, int prev) {
    RawMemory.putLong(word(page, PageLayout.NEXT), PageLayout.pair(next, prev));
  }

  /// Links a page to the one behind it.
  ///
  /// @param page a page whose queue is held
  /// @param next a page, or [#NONE]
  public final void setNext(int page, int next) {
    RawMemory.putInt(word(page, PageLayout.NEXT), next);
  }

  /// Links a page to the one before it.
  ///
  /// @param page a page whose queue is held
  /// @param prev a page, or [#NONE]
  public final void setPrev(int page, int prev) {
    RawMemory.putInt(word(page, PageLayout.PREV), prev);
  }

  // ---- the grace ticket

  /// The grace period after which the page's frame may be used anew.
  ///
  /// @param page a page
  /// @return a ticket
  public final int ticket(int page) {
    return RawMemory.getIntAcquire(word(page, PageLayout.TICKET));
  }

  /// Notes the grace period after which the page's frame may be used anew.
  ///
  /// @param page a hard-busy page
  /// @param ticket a ticket
  public final void setTicket(int page, int ticket) {
    RawMemory.setIntRelease(word(page, PageLayout.TICKET), ticket);
  }

  // ---- content: valid, dirty, activity

  /// Whether every byte of a page is good.
  ///
  /// @param page a page
  /// @return true if all eighths are valid
  public final boolean isFullyValid(int page) {
    return ContentWord.valid(content(page)) == ContentWord.VALID_ALL;
  }

  /// The valid bits, one for each eighth.
  ///
  /// @param page a page
  /// @return 0 to 0xff
  public final int valid(int page) {
    return ContentWord.valid(content(page));
  }

  /// The dirty bits, one for each eighth.
  ///
  /// @param page a page
  /// @return 0 to 0xff
  public final int dirty(int page) {
    return ContentWord.dirty(content(page));
  }

  /// The activity count.
  ///
  /// @param page a page
  /// @return 0 to [Activity#MAX]
  public final int activity(int page) {
    return ContentWord.activity(content(page));
  }

  /// Marks every byte of a page good.
  ///
  /// @param page a hard-busy page
  public final void setValid(int page) {
    RawMemory.getAndBitwiseOrInt(word(page, PageLayout.CONTENT), ContentWord.VALID_ALL);
  }

  /// Marks every byte of a page newer than its backing (`vm_page_dirty`).
  ///
  /// @param page a page that is not free
  public final void setDirty(int page) {
    if (dirty(page) != ContentWord.VALID_ALL) {
      RawMemory.getAndBitwiseOrInt(word(page, PageLayout.CONTENT), ContentWord.DIRTY_ALL);
    }
  }

  /// Marks every byte of a page as old as its backing (`vm_page_undirty`).
  ///
  /// @param page a hard-busy page
  public final void clearDirty(int page) {
    RawMemory.getAndBitwiseAndInt(word(page, PageLayout.CONTENT), ~ContentWord.DIRTY_ALL);
  }

  /// Forgets what a page holds: neither valid nor dirty, and not active.
  ///
  /// @param page a hard-busy page
  public final void clearContent(int page) {
    RawMemory.setIntRelease(word(page, PageLayout.CONTENT), 0);
  }

  /// Sets the activity count, cut to its range.
  ///
  /// @param page a page; a lost update is a statistic lost
  /// @param activity the wish
  public final void setActivity(int page, int activity) {
    int cut = Math.clamp(activity, 0, Activity.MAX);
    long word = word(page, PageLayout.CONTENT);
    for (; ; ) {
      int was = RawMemory.getIntAcquire(word);
      int now = ContentWord.withActivity(was, cut);
      if (was == now || RawMemory.compareAndSetInt(word, was, now)) {
        return;
      }
    }
  }

  /// How a page may be cached; write-back unless it was given another attribute.
  ///
  /// @param page a page
  /// @return what [#setContentOfRun] or [#setAttribute] noted last
  public final MemoryAttribute attribute(int page) {
    return ContentWord.attribute(content(page));
  }

  /// Marks every byte of a page good, neither dirty nor active, and notes how it may be cached
  /// (`pmap_page_set_memattr`).
  ///
  /// @param page a hard-busy page without an object, or one of the reserve under its lock
  /// @param attribute how it may be cached
  public final void setContentOfRun(int page, MemoryAttribute attribute) {
    RawMemory.setIntRelease(
        word(page, PageLayout.CONTENT),
        ContentWord.VALID_ALL | ContentWord.attributeBits(attribute));
  }

  /// Notes how a page may be cached, and leaves the rest of its content word as it is
  /// (`pmap_page_set_memattr`).
  ///
  /// @param page a hard-busy page
  /// @param attribute how it may be cached
  public final void setAttribute(int page, MemoryAttribute attribute) {
    long word = word(page, PageLayout.CONTENT);
    for (; ; ) {
      int was = RawMemory.getIntAcquire(word);
      if (RawMemory.compareAndSetInt(word, was, ContentWord.withAttribute(was, attribute))) {
        return;
      }
    }
  }

  private int content(int page) {
    return RawMemory.getIntAcquire(word(page, PageLayout.CONTENT));
  }

  /// Gives a page that was just allocated its flags, valid content and a first activity, with two
  /// stores. Plain stores are enough: until its holder maps it nobody else changes these words, but
  /// for who notes a reference in passing, which may be lost.
  ///
  /// @param page a hard-busy page that nobody maps and whose content nobody has marked yet
  /// @param flags bits of [PageFlags]
  /// @param dirty whether its content is newer than its backing
  public final void begin(int page, int flags, boolean dirty) {
    RawMemory.setIntRelease(word(page, PageLayout.FLAGS), flags);
    RawMemory.setIntRelease(word(page, PageLayout.CONTENT), ContentWord.fresh(dirty));
  }

  /// Whether [#begin] loses nothing that is known of a page but that it is valid, as when it was
  /// just allocated.
  ///
  /// @param page a hard-busy page
  /// @return false while it is mapped, active or dirty, or a copy of it is in swap
  public final boolean isNew(int page) {
    return (flags(page) & ~PageFlags.REFERENCED) == 0
        && (content(page) & ~ContentWord.VALID_ALL) == 0;
  }

  // ---- the mapping word: the interlock, and who sends the page

  /// Says that a mapping was detached whose bits are not collected yet, or that they are now.
  ///
  /// @param page a page
  /// @param delta 1 before, -1 after
  public final void interlock(int page, int delta) {
    RawMemory.getAndAddInt(word(page, PageLayout.MAPPING), delta);
  }

  /// Waits until no detached mapping of a page has bits to be collected: a few instructions of
  /// another thread.
  ///
  /// @param page a hard-busy page, so that no new mapping appears
  public final void awaitInterlock(int page) {
    long word = word(page, PageLayout.MAPPING);
    for (int round = 1; MappingWord.isLocked(RawMemory.getIntAcquire(word)); round++) {
      SpinLock.pause(round);
    }
  }

  /// How many send a page's bytes out, which must not change meanwhile.
  ///
  /// @param page a page; it rises only while the page is hard-busy
  /// @return the count
  public final int cowCount(int page) {
    return MappingWord.cow(RawMemory.getIntAcquire(word(page, PageLayout.MAPPING)));
  }

  /// Counts one more who sends a page.
  ///
  /// @param page a hard-busy page
  /// @return false if there are as many as can be counted
  public final boolean tryRaiseCow(int page) {
    long word = word(page, PageLayout.MAPPING);
    for (; ; ) {
      int was = RawMemory.getIntAcquire(word);
      if (MappingWord.cow(was) == MappingWord.MAX_COW) {
        return false;
      }
      if (RawMemory.compareAndSetInt(word, was, was + MappingWord.ONE_COW)) {
        return true;
      }
    }
  }

  /// Counts one less.
  ///
  /// @param page a page
  /// @return false if there was none
  public final boolean tryLowerCow(int page) {
    long word = word(page, PageLayout.MAPPING);
    for (; ; ) {
      int was = RawMemory.getIntAcquire(word);
      if (MappingWord.cow(was) == 0) {
        return false;
      }
      if (RawMemory.compareAndSetInt(word, was, was - MappingWord.ONE_COW)) {
        return true;
      }
    }
  }

  // ---- the page spin lock

  /// Takes the spin lock of a page.
  ///
  /// @param page a page
  public final void lock(int page) {
    assert LockOrder.mayWaitFor(LockRank.PAGE);
    SpinLock.lock(word(page, PageLayout.SPIN));
    assert LockOrder.took(LockRank.PAGE);
  }

  /// Whether a hard-busy page belongs to no object, is on no queue, and no search is about to put
  /// it on one: then nobody but the caller moves it, and its spin lock is not needed for that.
  ///
  /// Only a search of the cache moves a page that it does not have busy, and it holds the page's
  /// spin lock from before it takes the page off its cache queue until after it has put it on
  /// another one. So a page that was on no queue at the first look is either at rest or in the
  /// hands of such a search; if its lock is free after that, the search is over, and the last look
  /// finds the page where it was put. It does not come back to a cache queue unless its holder puts
  /// it there.
  ///
  /// @param page a hard-busy page
  /// @return false if the caller must lock the page to move it, or if it has an object
  public final boolean isLoose(int page) {
    return (RawMemory.getLongAcquire(word(page, PageLayout.OBJECT)) & OBJECT_AND_QUEUE) == LOOSE
        && !SpinLock.isLocked(word(page, PageLayout.SPIN))
        && queue(page) == 0;
  }

  /// Takes the spin lock of a page if it is free, out of order where need be.
  ///
  /// @param page a page
  /// @return true if it is taken
  public final boolean tryLock(int page) {
    if (!SpinLock.tryLock(word(page, PageLayout.SPIN))) {
      return false;
    }
    assert LockOrder.took(LockRank.PAGE);
    return true;
  }

  /// Gives the spin lock of a page back.
  ///
  /// @param page a page
  public final void unlock(int page) {
    assert LockOrder.gave(LockRank.PAGE);
    SpinLock.unlock(word(page, PageLayout.SPIN));
  }

  /// The decoded descriptor, for messages and dumps.
  ///
  /// @param page a page
  /// @return one line
  public String describe(int page) {
    return "page %d: busy %s, flags %s, wire %d, hold %d, cow %d, object %d at %d, queue %d, colour %d, valid %02x, dirty %02x, activity %d, ticket %d"
        .formatted(
            page,
            BusyWord.describe(RawMemory.getIntAcquire(word(page, PageLayout.BUSY))),
            PageFlags.describe(flags(page)),
            wireCount(page),
            holdCount(page),
            cowCount(page),
            object(page),
            pindex(page),
            queue(page),
            color(page),
            valid(page),
            dirty(page),
            activity(page),
            ticket(page));
  }
}
