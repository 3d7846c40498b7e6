package org.pondhawk.vm.queue;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// What the pageout daemon is asked for, and where it sleeps while that is nothing
/// (`vm_pages_needed`).
///
/// **Contract.** Who asks does not wait. The daemon takes the channel's ticket before it looks, so
/// that no call is lost; every sleep has a bound.
public final class PageoutWork {
  /*
   * The work is a number: 0 idle, 1 asked to run, 2 runs on by itself; more hints at demand that came
   * meanwhile. Only the change from 0 wakes.
   */
  private final Pressure pressure;
  private final VmStats stats;
  private final WaitChannel channel = new WaitChannel("pageout work");
  private final AtomicInteger pagesNeeded = new AtomicInteger();
  private final AtomicLong deficit = new AtomicLong();

  PageoutWork(Pressure pressure, VmStats stats) {
    this.pressure = pressure;
    this.stats = stats;
  }

  /// Asks for a pass.
  ///
  /// @param urgent whether to count the demand though the daemon runs already
  /// @return whether it was idle, and is woken
  boolean ask(boolean urgent) {
    if (pagesNeeded.compareAndSet(0, 1)) {
      channel.wakeAll();
      return true;
    }
    if (urgent) {
      pagesNeeded.incrementAndGet();
    }
    return false;
  }

  /// Counts an allocation that failed.
  void noteShortage() {
    deficit.incrementAndGet();
  }

  /// Sleeps until there is work, or a time has passed.
  ///
  /// @return whether there is work
  public boolean await(VmThread self, long nanos) {
    int ticket = channel.ticket();
    if (pagesNeeded.get() != 0) {
      return true;
    }
    self.sleep(channel, ticket, nanos);
    return pagesNeeded.get() != 0;
  }

  /// Sleeps until somebody asks for paging anew, or a time has passed: for a daemon that got
  /// nowhere.
  public void pause(VmThread self, long nanos) {
    self.sleep(channel, channel.ticket(), nanos);
  }

  /// Wakes the daemon for something else than memory.
  public void wakeDaemon() {
    channel.wakeAll();
  }

  /// What the daemon is asked for: 0 nothing.
  public int pagesNeeded() {
    return pagesNeeded.get();
  }

  /// Sets what the daemon goes on with: 0 idle, 1 asked, 2 runs on.
  public void setPagesNeeded(int needed) {
    pagesNeeded.set(needed);
  }

  /// Ends the daemon's work, unless memory turns out to be short after all.
  ///
  /// @return whether it ended
  public boolean becomeIdle(VmThread self) {
    pagesNeeded.set(0);
    stats.rollup(); // after the 0: who takes a page now either is counted here or finds the 0
    if (pressure.start(self.stripe())) {
      pagesNeeded.set(1);
      return false;
    }
    return true;
  }

  /// Takes the number of allocations that failed since the last pass (`vm_pageout_deficit`).
  public long takeDeficit() {
    return deficit.getAndSet(0);
  }
}
