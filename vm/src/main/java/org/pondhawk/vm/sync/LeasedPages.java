package org.pondhawk.vm.sync;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/// Which pages of a machine are leased by which threads, and how many more may be.
///
/// A busy word does not say who has the page busy. Here is said for leases, so that a thread does
/// not wait for a page that it has leased itself, through whichever of its views.
public final class LeasedPages {
  private record Holding(Thread owner, int page) {}

  private final int most;
  private final AtomicInteger reserved = new AtomicInteger();
  private final AtomicInteger sent = new AtomicInteger();
  private final ConcurrentHashMap<Holding, Integer> holdings = new ConcurrentHashMap<>();
  private final WaitChannel changed = new WaitChannel("leases");

  /// Makes the record of a machine.
  ///
  /// @param most how many pages may be leased at once, each as often as it is leased
  public LeasedPages(int most) {
    this.most = most;
  }

  /// Where those wait who need a lease to end. The waker has changed what they look at before.
  ///
  /// @return the channel of the machine
  public WaitChannel changed() {
    return changed;
  }

  /// Sets pages of a lease aside that is about to begin.
  ///
  /// @param count how many pages
  /// @return false if there would be too many; nothing is set aside then
  public boolean tryReserve(int count) {
    for (; ; ) {
      int was = reserved.get();
      if (was > most - count) {
        return false;
      }
      if (reserved.compareAndSet(was, was + count)) {
        return true;
      }
    }
  }

  /// Ends a [#tryReserve].
  ///
  /// @param count how many pages
  public void unreserve(int count) {
    reserved.addAndGet(-count);
  }

  /// The same for a lease whose pages are sent.
  ///
  /// @param count how many pages
  /// @return false if there would be too many; nothing is set aside then
  public boolean tryReserveSent(int count) {
    if (!tryReserve(count)) {
      return false;
    }
    sent.addAndGet(count);
    return true;
  }

  /// Ends a [#tryReserveSent].
  ///
  /// @param count how many pages
  public void unreserveSent(int count) {
    sent.addAndGet(-count);
    unreserve(count);
  }

  /// How many of the pages that are set aside are sent.
  ///
  /// @return the count; each page as often as it is leased
  public int sent() {
    return sent.get();
  }

  /// How many pages are set aside for leases.
  ///
  /// @return the count
  public int reserved() {
    return reserved.get();
  }

  /// How many pages may be leased at once.
  ///
  /// @return the count
  public int most() {
    return most;
  }

  /// Notes that a thread has leased a page, once more if it has already.
  ///
  /// @param owner the thread
  /// @param page the page
  public void add(Thread owner, int page) {
    holdings.merge(new Holding(owner, page), 1, Integer::sum);
  }

  /// Takes one [#add] back, if there was one.
  ///
  /// @param owner the thread
  /// @param page the page
  public void remove(Thread owner, int page) {
    holdings.computeIfPresent(new Holding(owner, page), (_, n) -> n == 1 ? null : n - 1);
  }

  /// Whether a thread has leased a page.
  ///
  /// @param owner the thread
  /// @param page the page
  /// @return true between [#add] and the last [#remove]
  public boolean isHeldBy(Thread owner, int page) {
    return holdings.containsKey(new Holding(owner, page));
  }
}
