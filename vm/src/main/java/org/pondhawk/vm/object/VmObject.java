package org.pondhawk.vm.object;

import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;
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
/// then on it has one that swaps (`OBJT_SWAP`).
public final class VmObject {
  private static final Attachment[] NO_ATTACHMENTS = {};

  private final int slot;
  private final long id;
  private final long hashStart;
  private final long size;
  private final Token token;
  private final IntRadix resident;
  private final AtomicInteger references = new AtomicInteger(1);
  private final AtomicReference<Attachment[]> attachments = new AtomicReference<>(NO_ATTACHMENTS);
  private volatile @Nullable Pager pager;
  private volatile boolean dead;
  private volatile boolean maybeDirty;
  private volatile boolean keepsWired;
  private final AtomicInteger invalidations = new AtomicInteger();
  private long coverings;
  private long arrivals;

  VmObject(int slot, long id, long size, RadixNodes nodes) {
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

  /// The size in pages.
  public long size() {
    return size;
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

  /// Gives an anonymous object the pager that it swaps through from now on.
  public void setPager(VmThread self, Pager newPager) {
    if (!self.holdsExclusively(token) || pager != null) {
      throw new VmPanic("a pager set twice, or without the token: " + this);
    }
    pager = newPager;
  }

  /// Whether there is data behind an index that is not resident.
  public boolean hasBacking(long pindex) {
    Pager p = pager;
    return p != null && p.hasPage(pindex);
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
    Pager p = pager;
    return resident.size() + (p == null ? 0 : p.blocks());
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
            pager == null ? ", never swapped" : ", swaps",
            dead ? ", dead" : "");
  }
}
