package org.pondhawk.vm.boot;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.fault.ChainCopier;
import org.pondhawk.vm.map.ChainCollapser;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.map.SpaceLeases;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.VmThread;

/// The address spaces of a machine, from when they are made or forked until they are closed.
final class Spaces {
  /// From this depth of chains on a fork asks for them to be shortened.
  private static final int QUEUE_DEPTH = 5;

  /// From this depth on they are shortened by copying, if they can't be otherwise.
  static final int COPY_DEPTH = 16;

  /// From this depth on a fork shortens them itself.
  private static final int MAX_DEPTH = 32;

  /// What bounds that: steps of up to 64 pages.
  private static final int MOST_COPY_STEPS = 1 << 20;

  private static final String CLOSED = "the machine is closed";

  /// Makes a space that nobody knows yet.
  @FunctionalInterface
  interface Maker {
    Space make(long id, long range);
  }

  private final List<Space> open;
  private final Maker maker;
  private final HaltSwitch halt;
  private final VmStats stats;
  private final ChainCollapser collapser;
  private final ChainCopier copier;
  private final AtomicLong lastId = new AtomicLong();
  private final ReentrantLock closingLock = new ReentrantLock();
  private final AtomicBoolean closing = new AtomicBoolean();

  /// The spaces of a machine.
  ///
  /// @param open the list of them, which others may read at any time
  Spaces(
      List<Space> open,
      Maker maker,
      HaltSwitch halt,
      VmStats stats,
      ChainCollapser collapser,
      ChainCopier copier) {
    this.open = open;
    this.maker = maker;
    this.halt = halt;
    this.stats = stats;
    this.collapser = collapser;
    this.copier = copier;
  }

  List<Space> open() {
    return open;
  }

  Space make(VmThread self, long range) {
    Space space = unlisted(range);
    list(self, space);
    return space;
  }

  private Space unlisted(long range) {
    halt.check();
    if (closing.get()) {
      throw new IllegalStateException(CLOSED);
    }
    return maker.make(lastId.incrementAndGet(), range);
  }

  /// Makes a space known, from when on [#closeAll] closes it.
  private void list(VmThread self, Space space) {
    open.add(space);
    if (closing.get()) { // whoever closes may have looked already
      close(self, space);
      throw new IllegalStateException(CLOSED);
    }
  }

  Space fork(VmThread self, Space parent) {
    shorten(self, parent);
    Space child = unlisted(parent.map().range());
    try {
      parent.forker().forkInto(self, child); // nobody may close it before it is whole
      parent.wiring().keepOwn(self);
    } catch (RuntimeException | Error e) {
      child.close(self);
      throw e;
    }
    list(self, child);
    stats.count(self.stripe(), Event.FORKS, 1);
    return child;
  }

  /// Keeps the chains of a space from growing with every generation.
  private void shorten(VmThread self, Space parent) {
    int depth = parent.depth();
    if (depth >= QUEUE_DEPTH) {
      collapser.enqueue(parent);
    }
    if (depth >= COPY_DEPTH) {
      collapser.enqueueDeep(parent);
    }
    if (depth < MAX_DEPTH) {
      return;
    }
    stats.count(self.stripe(), Event.DEEP_FORKS, 1);
    collapser.collapseNow(parent);
    try {
      for (int n = 0; n < MOST_COPY_STEPS && parent.depth() >= MAX_DEPTH; n++) {
        if (!copier.copySome(self, parent)) {
          return;
        }
      }
    } catch (OutOfPagesException | LeaseHeldException _) {
      return; // the fork itself needs neither memory nor the leased page: a deep chain is better
    }
  }

  void close(VmThread self, Space space) {
    space.close(self);
    open.remove(space);
  }

  /// Closes all; none if a lease is in the way. See [Machine#closeSpaces].
  void closeAll(VmThread self) {
    closingLock.lock();
    try {
      boolean wasClosing = closing.getAndSet(true); // who lists a space from now on closes it
      List<Space> all = halt.isHalted() ? List.of() : List.copyOf(open);
      List<SpaceLeases.Stop> stops = new ArrayList<>();
      try {
        for (Space space : all) {
          stops.add(space.leases().stop(self, "close", 0, space.map().range(), false));
        }
        closeEach(self, all);
      } catch (LeaseHeldException held) {
        closing.set(wasClosing);
        throw held;
      } finally {
        for (int i = 0; i < stops.size(); i++) {
          all.get(i).leases().resume(stops.get(i));
        }
      }
    } finally {
      closingLock.unlock();
    }
  }

  /// Closes what can be closed, whatever becomes of the others.
  private void closeEach(VmThread self, List<Space> all) {
    AccessUnderWayException stuck = null;
    for (Space space : all) {
      try {
        close(self, space);
      } catch (AccessUnderWayException e) {
        stuck = e;
      }
    }
    if (stuck != null) {
      throw stuck;
    }
  }
}
