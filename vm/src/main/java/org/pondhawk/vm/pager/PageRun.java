package org.pondhawk.vm.pager;

import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// Pages of one object with adjacent indexes, to be written together, and what became of each.
///
/// **Contract.** Used by the thread that writes it, but for [#complete], which any thread may call.
///
/// **Memory effects.** What was done before a page was complete is visible to who sees that the run
/// is no longer [pending][#isPending].
public final class PageRun {
  private final int[] pages;
  private final PagerResult[] results;
  private final AtomicInteger pending = new AtomicInteger();
  private final ReentrantLock lock = new ReentrantLock();
  private @Nullable Runnable whenComplete;
  private final WaitChannel completed = new WaitChannel("a write under way");
  private volatile @Nullable IOException failure;
  private long firstPindex;
  private int count;

  /// Makes an empty run.
  ///
  /// @param capacity how many pages it can hold
  public PageRun(int capacity) {
    this.pages = new int[capacity];
    this.results = new PagerResult[capacity];
    Arrays.fill(results, PagerResult.AGAIN);
  }

  /// Empties the run.
  ///
  /// @param pindex the index of the page that will be added first
  public void start(long pindex) {
    firstPindex = pindex;
    count = 0;
    Arrays.fill(results, PagerResult.AGAIN);
  }

  /// Adds the page with the next index.
  public void append(int page) {
    pages[count++] = page;
  }

  /// Adds the page with the index before the first.
  public void prepend(int page) {
    System.arraycopy(pages, 0, pages, 1, count);
    pages[0] = page;
    firstPindex--;
    count++;
  }

  /// Whether no page can be added.
  public boolean isFull() {
    return count == pages.length;
  }

  /// How many pages the run has.
  public int count() {
    return count;
  }

  /// The index in the object of the first page.
  public long firstPindex() {
    return firstPindex;
  }

  /// A page of the run.
  ///
  /// @param i from 0
  public int page(int i) {
    return pages[i];
  }

  /// What became of a page.
  ///
  /// @param i from 0
  public PagerResult result(int i) {
    return results[i];
  }

  /// Says what became of a page; [PagerResult#PENDING] if [#complete] will say it.
  ///
  /// @param i from 0
  public void setResult(int i, PagerResult result) {
    results[i] = result;
    if (result == PagerResult.PENDING) {
      pending.incrementAndGet();
    }
  }

  /// Gives every page the same result.
  public void setResults(PagerResult result) {
    for (int i = 0; i < count; i++) {
      setResult(i, result);
    }
  }

  /// Says why pages have the result [PagerResult#ERROR]; the last reason is kept.
  public void setFailure(IOException why) {
    failure = why;
  }

  /// Why a page could not be written, where the pager has said it.
  public @Nullable IOException failure() {
    return failure;
  }

  /// Says what became of a page that was pending (the reference's `biodone`). Does not wait.
  ///
  /// @param i from 0
  /// @param result not [PagerResult#PENDING]
  public void complete(int i, PagerResult result) {
    if (results[i] != PagerResult.PENDING || result == PagerResult.PENDING) {
      throw new VmPanic("page %d of a run is %s, and now %s".formatted(i, results[i], result));
    }
    results[i] = result;
    boolean last;
    Runnable then;
    lock.lock();
    try {
      last = pending.decrementAndGet() == 0;
      then = last ? whenComplete : null;
    } finally {
      lock.unlock();
    }
    if (last) {
      completed.wakeAll();
    }
    if (then != null) {
      then.run();
    }
  }

  /// Whether a page is to be completed yet.
  public boolean isPending() {
    return pending.get() != 0;
  }

  /// Sleeps until all pages are complete, or for so long.
  ///
  /// @return whether they are
  public boolean await(VmThread self, long nanos) {
    int ticket = completed.ticket();
    if (isPending()) {
      boolean _ = self.sleep(completed, ticket, nanos);
    }
    return !isPending();
  }

  /// Runs something once all pages are complete: at once, or in the thread that completes the last.
  /// Called once at most, for a run that was pending.
  public void whenComplete(Runnable then) {
    boolean now;
    lock.lock();
    try {
      now = !isPending();
      whenComplete = now ? null : then;
    } finally {
      lock.unlock();
    }
    if (now) {
      then.run();
    }
  }
}
