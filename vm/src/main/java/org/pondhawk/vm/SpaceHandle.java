package org.pondhawk.vm;

import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.sync.VmThread;

/// One user's reference to an address space: which one it is, until the user leaves it, alone or
/// for another.
///
/// **Contract.** Whoever uses the space asks for it anew in each call, because another thread may
/// have put another one in its place. At most one change is under way; it may wait for leases and
/// for stores, and no lock of the machine's is held around it.
final class SpaceHandle {
  private final Machine machine;
  private final ReentrantLock changing = new ReentrantLock();
  private volatile Space space;
  private volatile boolean closed;

  /// Takes over one reference.
  SpaceHandle(Machine machine, Space space) {
    this.machine = machine;
    this.space = space;
  }

  /// The space, or the last one it was.
  Space any() {
    return space;
  }

  /// The space.
  ///
  /// @throws IllegalStateException if the handle is closed
  Space open() {
    if (closed) {
      throw isClosedAlready();
    }
    return space;
  }

  /// Whether the handle is closed.
  boolean isClosed() {
    return closed;
  }

  /// Makes another reference to the space (`vmspace_ref`).
  ///
  /// @return the space, with a reference that is the caller's
  /// @throws IllegalStateException if the handle or the space is closed
  Space refer() {
    Space now = open();
    if (!now.life().tryReference()) {
      throw isClosedAlready();
    }
    return now;
  }

  /// Holds the space, to look at it from outside (`vmspace_hold`). It may end meanwhile.
  ///
  /// @return the space, which the caller drops
  /// @throws IllegalStateException if the handle or the space is closed
  Space hold() {
    Space now = open();
    if (!now.life().tryHold()) {
      throw isClosedAlready();
    }
    return now;
  }

  /// Leaves the space. Idempotent.
  void close(VmThread self) {
    changing.lock();
    try {
      if (!closed) {
        machine.leaveSpace(self, space, () -> closed = true);
        closed = true; // also if the machine has ended the space
      }
    } finally {
      changing.unlock();
    }
  }

  /// Leaves the space for a copy of it, if others refer to it.
  ///
  /// @return whether it did
  boolean unshare(VmThread self) {
    changing.lock();
    try {
      Space old = open();
      if (old.life().references() <= 1) {
        return false;
      }
      moveTo(self, machine.fork(self, old));
      return true;
    } finally {
      changing.unlock();
    }
  }

  /// Leaves the space for one that is made for the purpose.
  ///
  /// @param make makes it; nobody else knows it, and it has one reference
  void replace(VmThread self, Supplier<Space> make) {
    changing.lock();
    try {
      Space old = open();
      Space made = make.get();
      made.process().inherit(old.process());
      moveTo(self, made);
    } finally {
      changing.unlock();
    }
  }

  private void moveTo(VmThread self, Space made) {
    Space old = space;
    boolean moved = false;
    try {
      machine.leaveSpace(self, old, () -> space = made);
      moved = !isStill(old);
    } finally {
      if (!moved) {
        machine.closeSpace(self, made);
      }
    }
    if (!moved) { // the machine has ended it
      throw isClosedAlready();
    }
  }

  @SuppressWarnings("ReferenceEquality") // this very space, not one that looks the same
  private boolean isStill(Space old) {
    return space == old;
  }

  private static IllegalStateException isClosedAlready() {
    return new IllegalStateException("the address space is closed");
  }
}
