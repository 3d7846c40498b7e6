package org.pondhawk.vm.map;

import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.object.Attachment;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.FreeGate;
import org.pondhawk.vm.queue.UnseenPages;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// Shortens chains in the background, and takes back the memory in them that nobody can see.
///
/// A fork adds an element to a chain for each generation that stores. When the other generations
/// are gone, what they left lies beneath, seen by nobody else; nothing needs to be copied to get
/// rid of it ([ChainMerge]). Where generations live on, what all of them hide can still be freed
/// ([HiddenPages]), and a chain that gets too deep is copied ([ChainCopying]).
///
/// **Contract.** One thread runs it until [#stop]. A thread that finds no memory takes part
/// ([#reclaim]), so that memory comes back as fast as it is asked for, however little the collapser
/// gets to run.
public final class ChainCollapser implements Runnable, UnseenPages {
  /*
   * A space is in the queue while its chains may have something to merge: asked for by a fork of a deep
   * chain, and by who detached the last other space from an object. A step is taken with `working`
   * held, by whatever thread; so who waits for memory and finds the queue empty knows that there is
   * nothing to merge, not that somebody else is about to.
   *
   * A sweep for hidden pages looks at every page below a head, so it is made only when memory is
   * short, and only if enough was copied or detached since the last to make it worth while; or at
   * the last chance, if anything was.
   */
  private static final long IDLE_NANOS = 1_000_000_000L;
  private static final long RETRY_NANOS = 2_000_000L;
  private static final int MERGES_PER_COPYING = 64;
  private static final int BARREN_SHARE = 16;

  private final CollapseParts parts;
  private final VmStats stats;
  private final FreeGate gate;
  private final ChainMerge merge;
  private final HiddenPages hidden;
  private final List<Space> spaces;
  private final HaltSwitch halt;
  private final VmThread copier;
  private final ReentrantLock working = new ReentrantLock();

  /// Held while the collapser's thread copies, for [#pause] only: copying may wait for memory, and
  /// whoever is to find some takes `working`, which is inside this lock.
  private final ReentrantLock copyingNow = new ReentrantLock();

  private final ReentrantLock sweeping = new ReentrantLock();
  private final ConcurrentLinkedQueue<Space> queue = new ConcurrentLinkedQueue<>();
  private final ConcurrentLinkedQueue<Space> deep = new ConcurrentLinkedQueue<>();
  private final AtomicLong detached = new AtomicLong();
  private final WaitChannel work = new WaitChannel("chains to collapse");
  private volatile ChainCopying copying = (_, _) -> false;
  private volatile boolean stopped;
  private long sweptAt;
  private long nextSweepAfter = 1;

  /// Makes the collapser of a machine.
  ///
  /// @param spaces the open spaces, at every moment
  /// @param copier the record of the collapser's thread while it copies, as any user's
  public ChainCollapser(CollapseParts parts, List<Space> spaces, HaltSwitch halt, VmThread copier) {
    this.parts = parts;
    this.stats = parts.page().stats();
    this.gate = parts.page().gate();
    this.merge = new ChainMerge(parts);
    this.hidden = new HiddenPages(parts);
    this.spaces = spaces;
    this.halt = halt;
    this.copier = copier;
    gate.reclaimBy(this);
  }

  /// Names what copies chains that can't be merged.
  public void copyBy(ChainCopying chainCopying) {
    copying = chainCopying;
  }

  /// Asks for the chains of a space to be merged. Does not wait.
  public void enqueue(Space space) {
    if (space.askForMerge()) {
      queue.add(space);
      work.wakeAll();
    }
  }

  /// Asks for the chains of a space to be copied as far as that makes them less deep. Does not
  /// wait.
  public void enqueueDeep(Space space) {
    if (!deep.contains(space)) {
      deep.add(space);
      work.wakeAll();
    }
  }

  /// Notes that a space does not show an object, or some of it, any more. If only one other is left
  /// that does, its chains may have something to merge. Does not wait.
  void detached(VmObject object) {
    detached.incrementAndGet();
    Attachment[] left = object.attachments();
    if (left.length == 1) {
      enqueue(((Backing) left[0]).space());
    }
  }

  /// Merges the chains of a space as far as it goes without waiting.
  public void collapseNow(Space space) {
    Step step;
    do {
      step = locked(() -> mergeStep(space));
    } while (step == Step.PROGRESS);
  }

  @Override
  public void run() {
    try {
      while (!stopped) {
        turn();
      }
    } catch (Throwable t) {
      halt.halt(t);
      gate.broadcast();
      if (t instanceof Error error && !(t instanceof AssertionError)) {
        throw error;
      }
    }
  }

  /// Does what there is to do until it is time to look anew.
  private void turn() {
    int ticket = work.ticket();
    Step step = Step.PROGRESS;
    for (int n = 0; n < MERGES_PER_COPYING && step == Step.PROGRESS && !stopped; n++) {
      step = locked(this::mergeNext);
    }
    boolean more = step == Step.PROGRESS;
    if (isShort() && !stopped) {
      more |= sweep(false);
    }
    more |= !stopped && copyNext();
    if (!more) {
      copier.sleep(work, ticket, step == Step.LATER ? RETRY_NANOS : IDLE_NANOS);
    }
  }

  private boolean copyNext() {
    Space space = isShort() ? null : deep.poll();
    if (space == null) {
      return false;
    }
    copyingNow.lock();
    try {
      if (copying.copySome(copier, space)) {
        deep.add(space);
      }
    } catch (OutOfPagesException | LeaseHeldException | AccessViolationException _) {
      return false; // unmapped meanwhile, or not the time to make copies: the next fork asks again
    } finally {
      copyingNow.unlock();
    }
    return true;
  }

  /// Lets the collapser end; a step under way is finished.
  public void stop() {
    stopped = true;
    work.wakeAll();
  }

  /// Keeps the collapser from merging and copying, waiting for a step under way, until [#resume].
  public void pause() {
    copyingNow.lock();
    working.lock();
  }

  /// Lets the collapser work again; called by the thread that paused it.
  public void resume() {
    working.unlock();
    copyingNow.unlock();
  }

  /// One step of work under the collapser's lock.
  private interface Work {
    Step take();
  }

  private Step locked(Work step) {
    working.lock();
    try {
      return halt.isHalted() ? Step.NOTHING : step.take();
    } finally {
      working.unlock();
    }
  }

  /// Takes a step in the space that has waited longest and can be worked on; one that has more to
  /// do goes to the tail.
  private Step mergeNext() {
    Step result = Step.NOTHING;
    for (int left = queue.size(); left > 0 && result != Step.PROGRESS; left--) {
      Space space = queue.poll();
      if (space == null) {
        break;
      }
      space.mergeIsTaken(); // before the look, so that what comes after it is asked for anew
      Step step = mergeStep(space);
      if (step != Step.NOTHING && space.askForMerge()) {
        queue.add(space);
      }
      result = step == Step.NOTHING ? result : step;
    }
    return result;
  }

  private Step mergeStep(Space space) {
    parts.count(Event.COLLAPSE_STEPS);
    return merge.step(space);
  }

  // ---- under pressure

  @Override
  public void memoryIsShort() {
    work.wakeAll();
  }

  private boolean isShort() {
    stats.rollup();
    return gate.pressure().start(parts.self().stripe());
  }

  @Override
  public boolean reclaim(boolean lastChance) {
    boolean any = false;
    Step step = Step.PROGRESS;
    while (step == Step.PROGRESS && isShort()) {
      step = locked(this::mergeNext);
      any |= step == Step.PROGRESS;
    }
    boolean swept = isShort() && sweep(lastChance);
    return any || swept;
  }

  /// Frees what is hidden, in every space.
  ///
  /// @return whether anything was
  private boolean sweep(boolean lastChance) {
    sweeping.lock();
    try {
      long changes = detached.get() + stats.total(Event.COPIED);
      if (changes - sweptAt < (lastChance ? 1 : nextSweepAfter)) {
        return false;
      }
      HiddenPages.Place all = new HiddenPages.Place();
      for (Space space : spaces) {
        sweep(space, all);
      }
      sweptAt = all.missed ? sweptAt : changes;
      nextSweepAfter = all.freed * BARREN_SHARE > all.looks ? 1 : 1 + all.looks / BARREN_SHARE;
      return all.freed > 0;
    } finally {
      sweeping.unlock();
    }
  }

  private void sweep(Space space, HiddenPages.Place all) {
    all.beginSpace();
    Step step;
    do {
      step = locked(() -> hidden.step(space, all) ? Step.PROGRESS : Step.NOTHING);
    } while (step == Step.PROGRESS);
  }
}
