package org.pondhawk.vm.queue;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;
import org.openjdk.jcstress.infra.results.ZZ_Result;
import org.pondhawk.races.Ring;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.page.Activity;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;

/// A scan's marker moves on while another thread takes away the page that it stands before; and two
/// threads change different bytes of one page's content word.
public final class MarkerRaces {
  private MarkerRaces() {}

  /// A queue with a marker before one page, as nobody else uses it: there are more colours than
  /// states alive that share one.
  public static class Scanned {
    private static final int STATES = Ring.SIZE;
    private static final OwnMemory MEMORY = new OwnMemory();
    static final PageArray PAGES = new PageArray(MEMORY, FrameMemory.reserve(STATES, 4096), STATES);
    static final PageQueues QUEUES = new PageQueues(MEMORY, PAGES, new VmStats(1));

    final int page = Ring.next() & (STATES - 1);
    final int marker = PAGES.marker(page);

    Scanned() {
      PAGES.lock(page);
      if (PAGES.queue(page) != PageQueue.NONE) {
        QUEUES.remove(0, page);
      }
      QUEUES.add(0, page, PageQueue.INACTIVE, true);
      PAGES.unlock(page);
      QUEUES.insertMarker(PAGES.queue(page), marker);
    }

    final void advance() {
      while (QUEUES.advance(marker, n -> n == page) == PageQueues.SKIPPED) {
        Thread.onSpinWait(); // over other states' pages and markers
      }
    }

    final void remove() {
      PAGES.lock(page);
      QUEUES.remove(0, page);
      PAGES.unlock(page);
    }

    /// Whether the marker is linked, the page is not, and every link has one back.
    final String links() {
      int queue = PAGES.queue(marker);
      QUEUES.lock(queue);
      String found = "marker lost";
      int before = PageArray.NONE;
      for (int n = QUEUES.head(queue); n != PageArray.NONE; n = PAGES.next(n)) {
        if (PAGES.prev(n) != before || n == page) {
          found = "broken";
          break;
        }
        found = n == marker ? "sound" : found;
        before = n;
      }
      QUEUES.unlock(queue);
      QUEUES.removeMarker(marker);
      return found;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "sound", expect = ACCEPTABLE, desc = "The page is gone and the marker is not.")
  @Outcome(expect = FORBIDDEN, desc = "Links that lead nowhere, or to the page that is gone.")
  public static class AdvanceAgainstRemove extends Scanned {
    @Actor
    public void scan() {
      advance();
    }

    @Actor
    public void other() {
      remove();
    }

    @Arbiter
    public void end(L_Result r) {
      r.r1 = links();
    }
  }

  /// The links of a head, a marker, a page and a tail, changed as the queue does, without its lock.
  @JCStressTest
  @State
  @Outcome(id = "sound", expect = ACCEPTABLE, desc = "The page is gone and the marker is not.")
  @Outcome(expect = FORBIDDEN, desc = "Links that lead nowhere, or to the page that is gone.")
  public static class AdvanceAgainstRemoveCanary {
    private static final int HEAD = 0;
    private static final int MARKER = 1;
    private static final int PAGE = 2;
    private static final int TAIL = 3;

    private final int[] next = {MARKER, PAGE, TAIL, -1};
    private final int[] prev = {-1, HEAD, MARKER, PAGE};

    private void unlink(int n) {
      next[prev[n]] = next[n];
      prev[next[n]] = prev[n];
    }

    @Actor
    public void scan() {
      int page = next[MARKER];
      if (page == PAGE) {
        unlink(MARKER);
        int after = next[page];
        prev[MARKER] = page;
        next[MARKER] = after;
        next[page] = MARKER;
        prev[after] = MARKER;
      }
    }

    @Actor
    public void other() {
      unlink(PAGE);
    }

    @Arbiter
    public void end(L_Result r) {
      boolean forth = next[HEAD] == MARKER && next[MARKER] == TAIL;
      boolean back = prev[TAIL] == MARKER && prev[MARKER] == HEAD;
      r.r1 = forth && back ? "sound" : "broken";
    }
  }

  /// As [Scanned], and the other thread frees the page instead.
  static class Freed extends Scanned {
    private static final PageBusy BUSY = new PageBusy(PAGES);

    private String found = "passed";

    /// Takes the page as a scan does, or one moment too late.
    final void scan(boolean late) {
      PageQueues.Visitor visitor = n -> n == page && (late || BUSY.tryHardBusy(n));
      int taken;
      do {
        taken = QUEUES.advance(marker, visitor);
      } while (taken == PageQueues.SKIPPED);
      for (int i = 0; late && i < 20; i++) {
        Thread.onSpinWait();
      }
      if (taken == page && (!late || BUSY.tryHardBusy(page))) {
        found = PageQueue.kindOf(PAGES.queue(page)).name();
        BUSY.unbusy(page);
      }
    }

    final void free() {
      if (BUSY.tryHardBusy(page)) {
        PAGES.lock(page);
        QUEUES.remove(0, page);
        QUEUES.add(0, page, PageQueue.FREE, false);
        BUSY.release(page);
        PAGES.unlock(page);
      }
    }

    final String end() {
      QUEUES.removeMarker(marker);
      return found;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "INACTIVE", expect = ACCEPTABLE, desc = "The scan has the page, where it met it.")
  @Outcome(id = "passed", expect = ACCEPTABLE, desc = "Freed, or busy for who frees it.")
  @Outcome(expect = FORBIDDEN, desc = "The scan takes a free page for an inactive one.")
  public static class ScanAgainstFree extends Freed {
    @Actor
    public void scan() {
      scan(false);
    }

    @Actor
    public void other() {
      free();
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "INACTIVE", expect = ACCEPTABLE, desc = "The scan has the page, where it met it.")
  @Outcome(id = "passed", expect = ACCEPTABLE, desc = "Freed, or busy for who frees it.")
  @Outcome(expect = FORBIDDEN, desc = "The scan takes a free page for an inactive one.")
  public static class ScanAgainstFreeCanary extends Freed {
    @Actor
    public void scan() {
      scan(true); // busies what it met after the queue is unlocked, and does not look again
    }

    @Actor
    public void other() {
      free();
    }

    @Arbiter
    public void arbiter(L_Result r) {
      r.r1 = end();
    }
  }

  /// A page whose content word two threads change.
  public static class Content {
    final PageArray pages = Ring.pages();
    final int page = Ring.next();

    Content() {
      pages.clearContent(page);
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "Both are there.")
  @Outcome(expect = FORBIDDEN, desc = "One has overwritten the other: a page is taken for clean.")
  public static class DirtyAgainstActivity extends Content {
    @Actor
    public void store() {
      pages.setDirty(page);
    }

    @Actor
    public void scan() {
      pages.setActivity(page, Activity.INIT);
    }

    @Arbiter
    public void end(ZZ_Result r) {
      r.r1 = pages.dirty(page) != 0;
      r.r2 = pages.activity(page) == Activity.INIT;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "true, true", expect = ACCEPTABLE, desc = "Both are there.")
  @Outcome(expect = FORBIDDEN, desc = "One has overwritten the other: a page is taken for clean.")
  public static class DirtyAgainstActivityCanary {
    private volatile int word;

    @Actor
    public void store() {
      int was = word;
      word = was | 0xff00; // no atomic change
    }

    @Actor
    public void scan() {
      int was = word;
      word = was | (Activity.INIT << 16);
    }

    @Arbiter
    public void end(ZZ_Result r) {
      r.r1 = (word & 0xff00) != 0;
      r.r2 = word >>> 16 == Activity.INIT;
    }
  }
}
