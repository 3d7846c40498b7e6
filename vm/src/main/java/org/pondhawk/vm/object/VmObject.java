package org.pondhawk.vm.object;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.pager.BlockPager;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.queue.ColorPolicy;
import org.pondhawk.vm.sync.Token;
import org.pondhawk.vm.sync.VmThread;

/// A run of pages that may be resident, backed by a pager, and shown in address spaces
/// (`vm_object`).
///
/// | guarded by | what |
/// |---|---|
/// | the token, exclusive to change | the resident index, the pager, the size, the two counts below |
/// | nothing (atomic) | references, attachments, the marks of dirty and invalid pages |
///
/// An anonymous object has no pager until a page of it must be written out (`OBJT_DEFAULT`); from
/// then on it has one that swaps (`OBJT_SWAP`). One of another [ObjectKind] has a pager of its own
/// from the start, whose answer for any index within the size is what counts; its size may change,
/// and a page beyond the size may not be faulted on.
public final class VmObject {
  private static final Attachment[] NO_ATTACHMENTS = {};

  private final int slot;
  private final long id;
  private final long hashStart;
  private final ObjectKind kind;
  private final @Nullable ObjectKeeper keeper;
  private final Token token;
  private final IntRadix resident;
  private final AtomicInteger references = new AtomicInteger(1);
  private final AtomicReference<Attachment[]> attachments = new AtomicReference<>(NO_ATTACHMENTS);
  private volatile @Nullable Pager pager;
  private volatile boolean dead;
  private volatile long size;
  private volatile long endBytes;
  private volatile boolean maybeDirty;
  private final AtomicInteger cleaning = new AtomicInteger();
  private volatile boolean syncs = true;
  private volatile boolean keepsUnshown;
  private volatile boolean keepsWired;
  private final AtomicInteger invalidations = new AtomicInteger();
  private long coverings;
  private long arrivals;

  /// Makes an anonymous object.
  VmObject(int slot, long id, long size, RadixNodes nodes) {
    this(slot, id, size, nodes, Own.NONE);
  }

  /// What an object has from the start.
  ///
  /// @param kind what backs it
  /// @param pager its own, or null for an anonymous object
  /// @param keeper who is asked before its last reference goes, or null
  /// @param endBytes where it ends, which may be within its last page; ignored if anonymous
  record Own(ObjectKind kind, @Nullable Pager pager, @Nullable ObjectKeeper keeper, long endBytes) {
    static final Own NONE = new Own(ObjectKind.ANONYMOUS, null, null, Long.MAX_VALUE);
  }

  VmObject(int slot, long id, long size, RadixNodes nodes, Own own) {
    this.kind = own.kind;
    this.pager = own.pager;
    this.keeper = own.keeper;
    this.endBytes = own.endBytes;
    this.slot = slot;
    this.id = id;
    this.hashStart = PageHash.start(id);
    this.size = size;
    this.token = new Token(id);
    this.resident = new IntRadix(nodes);
  }

  /// The slot in the object table, which the descriptors of its pages carry.
  public int slot() {
    return slot;
  }

  /// A number that no other object of the machine ever has.
  public long id() {
    return id;
  }

  /// What its entries in the page hash are counted from.
  long hashStart() {
    return hashStart;
  }

  /// Where the colours of its pages begin (`pg_color`).
  public int color() {
    return ColorPolicy.startOf(id);
  }

  /// What backs it.
  public ObjectKind kind() {
    return kind;
  }

  /// The size in pages; only that of an object with a pager of its own ever changes.
  public long size() {
    return size;
  }

  /// Where an object with a pager of its own ends, in bytes: within its last page, perhaps, of
  /// which the rest is zeros.
  public long endBytes() {
    return endBytes;
  }

  /// Gives an object with a pager of its own another size, and tells the pager. The token is held
  /// exclusively: whoever faults on a page from then on finds it within the new size or not.
  void resize(VmThread self, long bytes, int pageShift) {
    Pager own = pager;
    if (!kind.hasOwnPager() || own == null || !self.holdsExclusively(token)) {
      throw new VmPanic("its size can't be changed, or not without its token: " + this);
    }
    endBytes = bytes;
    size = pagesOf(bytes, pageShift);
    own.resized(bytes);
  }

  /// How many pages it takes to hold so many bytes.
  static long pagesOf(long bytes, int pageShift) {
    return (bytes + (1L << pageShift) - 1) >>> pageShift;
  }

  /// Whether there can be no page at an index, so that to touch it is wrong: an object with a pager
  /// of its own ends before it.
  public boolean isBeyondEnd(long pindex) {
    return kind.hasOwnPager() && pindex >= size;
  }

  /// Who is asked before the last reference goes, or null.
  @Nullable ObjectKeeper keeper() {
    return keeper;
  }

  /// The token that guards the object.
  public Token token() {
    return token;
  }

  /// Which pages are resident, by index.
  public IntRadix resident() {
    return resident;
  }

  /// What backs the object, or null while it is anonymous and was never written out.
  public @Nullable Pager pager() {
    return pager;
  }

  /// What an anonymous object swaps through, or null while it was never written out. An object with
  /// a pager of its own never does.
  public @Nullable BlockPager swap() {
    return pager instanceof BlockPager blocks ? blocks : null;
  }

  /// Gives an anonymous object the pager that it swaps through from now on.
  public void setSwap(VmThread self, BlockPager newPager) {
    if (!self.holdsExclusively(token) || pager != null) {
      throw new VmPanic("a pager set twice, or without the token: " + this);
    }
    pager = newPager;
  }

  /// Whether what is not resident at an index is to be asked of the pager. A pager of the object's
  /// own is asked about every page within the size: it knows what a hole is.
  public boolean hasBacking(long pindex) {
    return kind.hasOwnPager() ? pindex < size : isSwapped(pindex);
  }

  /// Whether a block of swap is behind an index.
  public boolean isSwapped(long pindex) {
    BlockPager blocks = swap();
    return blocks != null && blocks.hasPage(pindex);
  }

  /// Says that all its pages are wired, for as long as they are in it.
  public void keepWired() {
    keepsWired = true;
  }

  /// Whether all its pages are wired.
  public boolean keepsWired() {
    return keepsWired;
  }

  /// How many resident pages and blocks of backing store it has: what taking it apart costs.
  public long weight() {
    BlockPager blocks = swap();
    return resident.size() + (blocks == null ? 0 : blocks.blocks());
  }

  /// Notes that the object got a page at an index where a deeper element of a chain keeps one.
  public void noteCovering() {
    coverings++;
  }

  /// How often that has happened. While it has not, what deeper elements have is not hidden anew.
  public long coverings() {
    return coverings;
  }

  /// Notes that the object got a page that does not come from its own backing.
  void noteArrival() {
    arrivals++;
  }

  /// How often that has happened. While it has not, the object shows nothing that it did not show
  /// before.
  public long arrivals() {
    return arrivals;
  }

  /// Notes that pages of it may be newer than their backing (`vm_object_set_writeable_dirty`).
  public void noteDirty() {
    if (!maybeDirty) { // looked at first, so that many who note it share the line
      maybeDirty = true;
    }
  }

  /// Whether that was ever noted (`OBJ_MIGHTBEDIRTY`). The common paths, which make a page dirty
  /// for a swapped object, do not note it: their pages say so themselves.
  public boolean isMaybeDirty() {
    return maybeDirty;
  }

  /// Begins to write all dirty pages back, after which none may be left (`OBJ_CLEANING`). The mark
  /// of dirty pages goes first: whoever makes a page dirty from now on sets it anew.
  void beginCleaning() {
    cleaning.incrementAndGet();
    maybeDirty = false;
  }

  /// Ends what [#beginCleaning] began.
  ///
  /// @param all whether no page was left dirty that was dirty at the begin
  void endCleaning(boolean all) {
    if (!all) {
      maybeDirty = true; // before the count says that nobody is at it
    }
    cleaning.decrementAndGet();
  }

  /// Whether every page is surely as old as its backing.
  boolean isSurelyClean() {
    // Looked at again behind the count: a cleaning that failed sets the mark before it ends.
    return !maybeDirty && cleaning.get() == 0 && !maybeDirty;
  }

  /// Says whether ranges of it are written back when somebody asks for that (`OBJ_NOMSYNC`); if
  /// not, only when memory is short or it comes to its end.
  public void setSyncs(boolean wanted) {
    syncs = wanted;
  }

  /// Whether ranges of it are written back when somebody asks for that.
  public boolean syncs() {
    return syncs;
  }

  /// Notes that bytes of a resident page which were good are not any more.
  void noteInvalid() {
    invalidations.incrementAndGet();
  }

  /// How often that has happened: with [#arrivals], what the reference's `generation` says.
  public int invalidations() {
    return invalidations.get();
  }

  /// Adds a reference (`vm_object_reference`).
  public void reference() {
    if (references.getAndIncrement() <= 0) {
      throw new VmPanic("a reference to an object that nobody refers to: " + this);
    }
  }

  /// Adds a reference to an object that the caller knows from a list, not from a reference.
  ///
  /// @return false if nobody refers to it any more: it is being taken down
  boolean tryReference() {
    return references.getAndUpdate(n -> n == 0 ? 0 : n + 1) != 0;
  }

  /// Takes a reference away unless it is the last.
  boolean tryDereferenceShared() {
    return references.getAndUpdate(n -> n > 1 ? n - 1 : n) > 1;
  }

  /// Takes a reference away.
  ///
  /// @return whether it was the last
  boolean dereference() {
    int left = references.decrementAndGet();
    if (left < 0) {
      throw new VmPanic("one reference too many given back: " + this);
    }
    return left == 0;
  }

  /// Takes a reference away that is known not to be the last.
  public void dereferenceShared() {
    if (dereference()) {
      throw new VmPanic("the last reference given back as if it were not: " + this);
    }
  }

  /// Says that the object has a user beside those who show it, so that its pages stay when nobody
  /// shows them (`OBJ_NOSPLIT`). Said before anybody shows it, and for good.
  public void keepUnshown() {
    keepsUnshown = true;
  }

  /// Whether pages stay that nobody shows.
  public boolean keepsUnshown() {
    return keepsUnshown;
  }

  /// How many refer to it.
  public int references() {
    return references.get();
  }

  /// Whether it is being taken down, or was.
  public boolean isDead() {
    return dead;
  }

  void markDead() {
    dead = true;
  }

  /// The ranges of address spaces that show it.
  public Attachment[] attachments() {
    return attachments.get();
  }

  /// Adds a range of an address space. Its pages are mapped only after this.
  public void attach(Attachment attachment) {
    attachments.updateAndGet(list -> {
      Attachment[] longer = Arrays.copyOf(list, list.length + 1);
      longer[list.length] = attachment;
      return longer;
    });
  }

  /// Replaces a range of an address space by the parts of it that stay, in one step: none, if all
  /// of it was unmapped.
  @SuppressWarnings("ReferenceEquality") // this very attachment, not one that looks the same
  public void replace(Attachment whole, Attachment... partsOfIt) {
    attachments.updateAndGet(list -> {
      Attachment[] others = Arrays.stream(list).filter(a -> a != whole).toArray(Attachment[]::new);
      Attachment[] all = Arrays.copyOf(others, others.length + partsOfIt.length);
      System.arraycopy(partsOfIt, 0, all, others.length, partsOfIt.length);
      return all;
    });
  }

  @Override
  public String toString() {
    return "object %d: %d pages, %d resident, %d references%s%s"
        .formatted(
            id,
            size,
            resident.size(),
            references.get(),
            kind.hasOwnPager() ? ", " + kind : pager == null ? ", never swapped" : ", swaps",
            dead ? ", dead" : "");
  }
}
