package org.pondhawk.vm;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.object.ObjectKind;
import org.pondhawk.vm.object.Unwritten;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.sync.VmThread;

/// Memory with a store of its own behind it, to be mapped into address spaces
/// ([AddressSpace#map(MemoryObject, long, long, Protection, Sharing)]): a file, a device's memory,
/// or memory that is never paged out (a `vm_object` with a pager).
///
/// Pages are read when they are touched, shared by all who map them, and written back when memory
/// is short, when [#sync] or [AddressSpace#sync] asks for it, and before the last mapping and the
/// last handle are gone. All methods may be called from any thread.
///
/// **Failure.** What can't be written stays in memory, dirty; the daemon tries again. A close or an
/// unmap that could not write keeps the pages too: whoever opens the same store again finds them.
public final class MemoryObject implements AutoCloseable {
  private final Machine machine;
  private final EdgeThreads edge;
  private final VmObject object;
  private final Protection most;

  /// Guards `closed`, and keeps a call from meeting a close half-way.
  private final ReentrantLock lock = new ReentrantLock();

  private boolean closed;

  MemoryObject(Machine machine, EdgeThreads edge, VmObject object, Protection most) {
    this.machine = machine;
    this.edge = edge;
    this.object = object;
    this.most = most;
  }

  /// The size in bytes, as of now.
  public long size() {
    return object.endBytes();
  }

  /// What mappings of it may allow at most, where they are shared.
  public Protection most() {
    return most;
  }

  /// Gives the object and its store another size (`vnode_pager_setsize`). What lies behind a nearer
  /// end is gone, and an access to a page of it is a violation from now on, mapped or not; the rest
  /// of the last page reads as zeros. Waits for transfers of those pages and for their leases.
  ///
  /// @param bytes the size, from 0
  /// @throws IllegalArgumentException if it is less than 0, or the object has no store
  /// @throws UncheckedIOException if the store can't be made longer, when nothing has changed; or
  ///   shorter, when the object is so already
  /// @throws org.pondhawk.vm.error.LeaseHeldException if the calling thread has leased a page that
  ///   is to go: close the lease and call again
  public void resize(long bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException("a size of %d bytes".formatted(bytes));
    }
    if (object.kind() != ObjectKind.FILE) {
      throw new IllegalArgumentException(object + " has no store that could change its size");
    }
    machine.haltSwitch().check();
    lock.lock();
    try {
      requireOpen();
      boolean longer = bytes > size();
      if (longer) {
        resizeStore(bytes);
      }
      edge.run(self -> machine.paged().trimmer().resize(self, object, bytes));
      if (!longer) {
        resizeStore(bytes);
      }
    } finally {
      lock.unlock();
    }
  }

  private void resizeStore(long bytes) {
    if (object.pager() instanceof StorePager pager) {
      try {
        pager.store().resize(bytes);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /// Writes all that was stored before the call, through whatever mapping, and waits until it is
  /// durable (`vm_object_page_clean`, `fsync`).
  ///
  /// @throws UncheckedIOException if something is not: the message says how much, and the cause why
  public void sync() {
    machine.haltSwitch().check();
    VmObject open = refer();
    edge.run(self -> {
      Unwritten left;
      try {
        left = machine.paged().cleaner().clean(self, open, 0, Long.MAX_VALUE, true);
      } finally {
        machine.paged().release(self, open);
      }
      if (!left.isNothing()) {
        throw left.toException(open);
      }
    });
  }

  /// The object with one reference more, for a mapping or a call.
  VmObject refer() {
    lock.lock();
    try {
      requireOpen();
      object.reference();
      return object;
    } finally {
      lock.unlock();
    }
  }

  /// Requires that a mapping of it may allow something.
  void requireAllowed(Protection protection, Sharing sharing) {
    if (sharing == Sharing.PRIVATE && object.kind() != ObjectKind.FILE) {
      throw new IllegalArgumentException(object + " can't be copied when it is stored into");
    }
    if (sharing == Sharing.SHARED && !Access.allows(most.access, protection.access)) {
      throw new IllegalArgumentException(
          "%s may be mapped for %s at most, not %s".formatted(object, most, protection));
    }
  }

  /// Gives a reference of [#refer] back.
  void giveBack(VmThread self) {
    machine.paged().release(self, object);
  }

  VmObject internal() {
    return object;
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("this memory object is closed");
    }
  }

  /// Gives the handle back. Mappings stay, and keep the object. If there are none, all that is
  /// dirty is written first. Idempotent; a machine that is closed has done it already.
  ///
  /// @throws UncheckedIOException if something could not be written: the handle is closed, and what
  ///   is not written stays in memory
  @Override
  public void close() {
    lock.lock();
    try {
      if (closed || machine.haltSwitch().isHalted()) {
        closed = true;
        return;
      }
      closed = true;
      boolean _ =
          edge.tryRun(self -> {
            Unwritten left = machine.paged().close(self, object);
            if (!left.isNothing()) {
              throw left.toException(object);
            }
          });
    } finally {
      lock.unlock();
    }
  }

  @Override
  public String toString() {
    return object.toString();
  }
}
