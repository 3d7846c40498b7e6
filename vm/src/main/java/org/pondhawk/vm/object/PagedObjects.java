package org.pondhawk.vm.object;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// The objects with pagers of their own, by what each is the object of: a file, a device
/// (`vm_pager_object_lookup`, `vm_pager_deallocate`, `cdev_pager_lookup`, `cdev_pager_allocate`).
///
/// **Contract.** A handle has one object at most. Each [#open] gives one reference, for one
/// [#close]; mappings have references of their own and keep the object alive beyond that. Before
/// the last reference goes all dirty pages are written. Whoever opens a handle whose object is just
/// coming to its end waits for that: there are never two pagers at work on one store.
///
/// **Failure.** What can't be written keeps the object: it stays with its dirty pages, which the
/// daemon tries again to write, until the handle is opened anew or the machine closed.
public final class PagedObjects implements ObjectKeeper {
  private static final long SLICE_NANOS = 1_000_000_000L;

  private final ObjectTable objects;
  private final RadixNodes nodes;
  private final ObjectReaper reaper;
  private final PageCleaner cleaner;
  private final ObjectTrimmer trimmer;
  private final int pageShift;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Object, Kept> byHandle = new HashMap<>();
  private final Map<VmObject, Kept> byObject = new HashMap<>();
  private final WaitChannel ended = new WaitChannel("the end of an object");

  /// An object of the list; guarded by the lock.
  private static final class Kept {
    final Object handle;
    final VmObject object;

    /// References that are not mappings'.
    int opened = 1;

    /// Whether one of them is nobody's but the list's own, for what could not be written.
    boolean owed;

    boolean ending;

    Kept(Object handle, VmObject object) {
      this.handle = handle;
      this.object = object;
    }
  }

  /// Makes the list of a machine.
  public PagedObjects(
      ObjectTable objects,
      RadixNodes nodes,
      ObjectReaper reaper,
      PageCleaner cleaner,
      ObjectTrimmer trimmer,
      int pageShift) {
    this.objects = objects;
    this.nodes = nodes;
    this.reaper = reaper;
    this.cleaner = cleaner;
    this.trimmer = trimmer;
    this.pageShift = pageShift;
  }

  /// What writes dirty pages of such objects.
  public PageCleaner cleaner() {
    return cleaner;
  }

  /// What takes pages from such objects.
  public ObjectTrimmer trimmer() {
    return trimmer;
  }

  /// Opens the object of a handle: the one there is, made longer if need be, or a new one. May wait
  /// for the end of one that has just been closed.
  ///
  /// @param handle by its `equals`
  /// @param bytes how long it is to be at least
  /// @param pager makes the pager of a new one; called without a lock of the machine held but that
  ///   of this list
  /// @return the object, with one reference, for [#close]
  /// @throws IllegalArgumentException if the object of the handle is of another kind
  public VmObject open(
      VmThread self, Object handle, ObjectKind kind, long bytes, Supplier<? extends Pager> pager) {
    for (; ; ) {
      int ticket = ended.ticket();
      Kept kept = findOrMake(handle, kind, bytes, pager);
      if (kept != null) {
        if (kept.object.endBytes() < bytes) {
          trimmer.resize(self, kept.object, bytes);
        }
        return kept.object;
      }
      boolean _ = self.sleep(ended, ticket, SLICE_NANOS);
    }
  }

  private @Nullable Kept findOrMake(
      Object handle, ObjectKind kind, long bytes, Supplier<? extends Pager> pager) {
    lock.lock();
    try {
      Kept kept = byHandle.get(handle);
      if (kept == null) {
        return make(handle, kind, bytes, pager.get());
      }
      if (kept.object.kind() != kind) {
        throw new IllegalArgumentException(kept.object + " is not of kind " + kind);
      }
      return refer(kept) ? kept : null;
    } finally {
      lock.unlock();
    }
  }

  private Kept make(Object handle, ObjectKind kind, long bytes, Pager pager) {
    long size = VmObject.pagesOf(bytes, pageShift);
    pager.resized(bytes);
    VmObject object = objects.create(size, nodes, new VmObject.Own(kind, pager, this, bytes));
    Kept kept = new Kept(handle, object);
    byHandle.put(handle, kept);
    byObject.put(object, kept);
    return kept;
  }

  /// Refers to an object once more, or takes over the reference that is owed.
  ///
  /// @return false if it is coming to its end
  private static boolean refer(Kept kept) {
    if (kept.ending) {
      return false;
    }
    if (kept.owed) {
      kept.owed = false;
    } else {
      kept.object.reference();
      kept.opened++;
    }
    return true;
  }

  /// The object of a handle with one reference more, or null if there is none.
  public @Nullable VmObject find(Object handle) {
    lock.lock();
    try {
      Kept kept = byHandle.get(handle);
      return kept != null && refer(kept) ? kept.object : null;
    } finally {
      lock.unlock();
    }
  }

  /// Gives back what [#open] or [#find] gave. May block, to write what is dirty if it was the last
  /// reference.
  ///
  /// @return what could not be written; it stays with the object, which stays then
  public Unwritten close(VmThread self, VmObject object) {
    lock.lock();
    try {
      kept(object).opened--;
    } finally {
      lock.unlock();
    }
    return giveBack(self, object);
  }

  @Override
  public void release(VmThread self, VmObject object) {
    Unwritten _ = giveBack(self, object); // it is owed; who opens the handle next gets to see it
  }

  private Unwritten giveBack(VmThread self, VmObject object) {
    for (; ; ) {
      if (object.tryDereferenceShared()) {
        return Unwritten.NOTHING;
      }
      Unwritten left = cleaner.clean(self, object, 0, Long.MAX_VALUE, true);
      switch (decide(object, left)) {
        case AGAIN -> {}
        case OWED -> {
          return left;
        }
        case OVER -> {
          reaper.takeDown(self, object);
          forget(object);
          return Unwritten.NOTHING;
        }
      }
    }
  }

  /// What becomes of an object that its last referrer has had written.
  private enum Decision {
    AGAIN,
    OWED,
    OVER
  }

  private Decision decide(VmObject object, Unwritten left) {
    lock.lock();
    try {
      Kept kept = kept(object);
      boolean dirtied = object.kind() == ObjectKind.FILE && !object.isSurelyClean();
      if (object.references() > 1 || (left.isNothing() && dirtied)) {
        return Decision.AGAIN; // somebody has opened it meanwhile, or even closed it again
      }
      if (!left.isNothing()) {
        kept.owed = true;
        kept.opened++;
        return Decision.OWED;
      }
      kept.ending = true;
      if (!object.dereference()) {
        throw new VmPanic("not the last reference after all: " + object);
      }
      return Decision.OVER;
    } finally {
      lock.unlock();
    }
  }

  private void forget(VmObject object) {
    lock.lock();
    try {
      Kept kept = kept(object);
      byObject.remove(object);
      byHandle.remove(kept.handle);
    } finally {
      lock.unlock();
    }
    ended.wakeAll();
  }

  private Kept kept(VmObject object) {
    Kept kept = byObject.get(object);
    if (kept == null) {
      throw new VmPanic("not in the list of objects with pagers: " + object);
    }
    return kept;
  }

  /// How many references to an object are not mappings'.
  public int opened(VmObject object) {
    lock.lock();
    try {
      Kept kept = byObject.get(object);
      return kept == null ? 0 : kept.opened;
    } finally {
      lock.unlock();
    }
  }

  /// Closes all objects, when no space is left that shows any. May block.
  ///
  /// @return what could not be written, and is lost with the machine
  public List<Unwritten> closeAll(VmThread self) {
    List<Unwritten> lost = new ArrayList<>();
    for (VmObject object : all()) {
      Unwritten left = cleaner.clean(self, object, 0, Long.MAX_VALUE, true);
      if (!left.isNothing()) {
        lost.add(left);
      }
      while (!object.dereference()) {
        // every handle that is still open
      }
      reaper.takeDown(self, object);
      forget(object);
    }
    return lost;
  }

  /// The objects of the list.
  public List<VmObject> all() {
    lock.lock();
    try {
      return List.copyOf(byObject.keySet());
    } finally {
      lock.unlock();
    }
  }
}
