package org.pondhawk.vm.boot;

import java.util.function.Function;
import org.pondhawk.vm.fault.CopyOnWrite;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.object.PageLookup;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.swap.SwapIo;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Ticker;

/// The parts of a machine that a test may replace with broken ones, to see that the break is
/// noticed.
public interface Seams {
  /// The parts as they should be.
  Seams SOUND = new Seams() {};

  /// Makes the grace period.
  default Grace grace(boolean asymmetric, Ticker ticker, long patienceNanos, HaltSwitch halt) {
    return new Grace(asymmetric, ticker, patienceNanos, halt);
  }

  /// Makes the busy protocol.
  default PageBusy busy(PageArray pages) {
    return new PageBusy(pages);
  }

  /// Makes the lookup of pages without a token.
  default PageLookup pageLookup(PageArray pages, PageBusy busy) {
    return new PageLookup(pages, busy);
  }

  /// Wraps the reverse map.
  default Function<Mappings, Mappings> mappings(PageArray pages) {
    return sound -> sound;
  }

  /// Makes what brings pages up for copy-on-write.
  default CopyOnWrite copyOnWrite(PageParts parts, ObjectOwner owner, Mappings mappings) {
    return new CopyOnWrite(parts, owner, mappings);
  }

  /// Wraps the transfers to and from the swap file.
  default SwapIo swapIo(SwapIo sound) {
    return sound;
  }

  /// How many pages may be on their way to swap at once: enough for several batches to wait for
  /// their grace periods, few enough that faults seldom meet one.
  ///
  /// @return at least 1
  default int pagesInFlight(int frameCount) {
    return frameCount / 8;
  }

  /// Is told of the machine that was made with these parts.
  default void booted(Machine machine) {}
}
