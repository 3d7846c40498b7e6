package org.pondhawk.testkit;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.fault.CopyOnWrite;
import org.pondhawk.vm.map.Backing;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Ticker;
import org.pondhawk.vm.sync.VmThread;

/// Machines with one part that is broken on purpose: the canaries of the oracles. A test that finds
/// nothing wrong with one of these would find nothing wrong with anything.
public final class BrokenParts {
  private BrokenParts() {}

  /// Every grace period is over as soon as it is begun: a frame is written out or used anew while a
  /// store into it is under way.
  public static Seams noGracePeriod() {
    return new Seams() {
      @Override
      public Grace grace(boolean asymmetric, Ticker ticker, long patienceNanos, HaltSwitch halt) {
        return new Grace(asymmetric, ticker, patienceNanos, halt) {
          @Override
          public boolean isOver(int ticket) {
            return true;
          }

          @Override
          public boolean await(int ticket) {
            return true;
          }
        };
      }
    };
  }

  /// Who waits for a grace period and gives up goes on as if it were over.
  public static Seams goesOnWhenItGivesUp() {
    return new Seams() {
      @Override
      public Grace grace(boolean asymmetric, Ticker ticker, long patienceNanos, HaltSwitch halt) {
        return new Grace(asymmetric, ticker, patienceNanos, halt) {
          @Override
          public boolean await(int ticket) {
            boolean _ = super.await(ticket);
            return true;
          }
        };
      }
    };
  }

  /// The laundry takes every grace period for over: a page is written out, and taken for clean,
  /// while a store into it is under way. Frames are used anew only when they may be.
  public static Seams writtenTooEarly() {
    return new Seams() {
      @Override
      public Grace grace(boolean asymmetric, Ticker ticker, long patienceNanos, HaltSwitch halt) {
        return new Grace(asymmetric, ticker, patienceNanos, halt) {
          @Override
          public boolean isOver(int ticket) {
            return super.isOver(ticket) || laundryAsks();
          }
        };
      }
    };
  }

  private static boolean laundryAsks() {
    return StackWalker.getInstance()
        .walk(frames -> frames.limit(4).anyMatch(f -> f.getClassName().endsWith(".Laundry")));
  }

  /// A fork does not wait for stores under way: they land in what parent and child share by then.
  public static Seams forkDoesNotWait() {
    return new Seams() {
      @Override
      public Grace grace(boolean asymmetric, Ticker ticker, long patienceNanos, HaltSwitch halt) {
        return new Grace(asymmetric, ticker, patienceNanos, halt) {
          @Override
          public void synchronize(String what) {
            if (!"fork".equals(what)) {
              super.synchronize(what);
            }
          }
        };
      }
    };
  }

  /// The modified bit of one mapping is forgotten, once: the page is taken for clean and dropped.
  public static Seams oneModifiedBitLost() {
    return new Seams() {
      @Override
      public Function<Mappings, Mappings> mappings(PageArray pages) {
        return sound -> new ForgetfulMappings(sound, pages);
      }
    };
  }

  /// Pages that others have busy are taken all the same.
  public static Seams busyPagesTaken() {
    return new Seams() {
      @Override
      public PageBusy busy(PageArray pages) {
        return new PageBusy(pages) {
          @Override
          public boolean tryHardBusy(int page) {
            if (super.tryHardBusy(page)) {
              return true;
            }
            if (!isHardBusy(page)) {
              hardBusyBesideSoft(new VmThread("robber", 0, false, 0), page);
            }
            return true;
          }
        };
      }
    };
  }

  /// Leases for writing do not take their pages busy.
  public static Seams writersNotBusy() {
    return new Seams() {
      @Override
      public PageBusy busy(PageArray pages) {
        return new PageBusy(pages) {
          @Override
          public boolean tryLease(int page, boolean write) {
            return write || super.tryLease(page, false);
          }

          @Override
          public void endLease(int page, boolean write) {
            if (!write) {
              super.endLease(page, false);
            }
          }
        };
      }
    };
  }

  /// Mappings keep the right to store when it is taken from them: a page changes while its bytes
  /// are sent out.
  public static Seams rightsKept() {
    return new Seams() {
      @Override
      public Function<Mappings, Mappings> mappings(PageArray pages) {
        return sound ->
            new Mappings() {
              @Override
              public void removeAll(int page) {
                sound.removeAll(page);
              }

              @Override
              public int removeAllWired(int page) {
                return sound.removeAllWired(page);
              }

              @Override
              public int wired(int page) {
                return sound.wired(page);
              }

              @Override
              public void writeProtect(int page) {}

              @Override
              public boolean isModified(int page) {
                return sound.isModified(page);
              }

              @Override
              public int testAndClearReferenced(int page) {
                return sound.testAndClearReferenced(page);
              }
            };
      }
    };
  }

  /// A deeper page is made the head's own although another space still sees it.
  public static Seams sharedPagesMoved() {
    return new Seams() {
      @Override
      public CopyOnWrite copyOnWrite(PageParts parts, ObjectOwner owner, Mappings mappings) {
        return new CopyOnWrite(parts, owner, mappings) {
          @Override
          protected boolean mayMove(Backing head, Backing from, int source) {
            return true;
          }
        };
      }
    };
  }

  /// Whoever releases a page forgets those who wait for it.
  public static Seams noWakeup() {
    return new Seams() {
      @Override
      public PageBusy busy(PageArray pages) {
        return new PageBusy(pages) {
          @Override
          public void unbusy(int page) {
            release(page);
          }
        };
      }
    };
  }

  /// Forgets the modified bit of the first clean page that turns out to be modified.
  private static final class ForgetfulMappings implements Mappings {
    private final Mappings sound;
    private final PageArray pages;
    private final AtomicInteger forgotten = new AtomicInteger(PageArray.NONE);

    ForgetfulMappings(Mappings sound, PageArray pages) {
      this.sound = sound;
      this.pages = pages;
    }

    private boolean forgets(int page) {
      return forgotten.get() == page || forgotten.compareAndSet(PageArray.NONE, page);
    }

    @Override
    public boolean isModified(int page) {
      return sound.isModified(page) && !(pages.dirty(page) == 0 && forgets(page));
    }

    @Override
    public int removeAllWired(int page) {
      return sound.removeAllWired(page);
    }

    @Override
    public int wired(int page) {
      return sound.wired(page);
    }

    @Override
    public void removeAll(int page) {
      boolean wasClean = pages.dirty(page) == 0;
      sound.removeAll(page);
      if (wasClean && forgotten.compareAndSet(page, Integer.MAX_VALUE)) {
        pages.clearDirty(page);
      }
    }

    @Override
    public void writeProtect(int page) {
      sound.writeProtect(page);
    }

    @Override
    public int testAndClearReferenced(int page) {
      boolean wasClean = pages.dirty(page) == 0;
      int referenced = sound.testAndClearReferenced(page);
      if (wasClean && pages.dirty(page) != 0 && forgets(page)) {
        pages.clearDirty(page);
        forgotten.set(Integer.MAX_VALUE);
      }
      return referenced;
    }
  }
}
