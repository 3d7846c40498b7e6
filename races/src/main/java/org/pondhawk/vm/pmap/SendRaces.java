package org.pondhawk.vm.pmap;

import static org.openjdk.jcstress.annotations.Expect.ACCEPTABLE;
import static org.openjdk.jcstress.annotations.Expect.FORBIDDEN;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.II_Result;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.Guard;
import org.pondhawk.vm.sync.HaltSwitch;

/// A view that stores into a page whose bytes are about to be sent out.
public final class SendRaces {
  private SendRaces() {}

  /// One who sends the page.
  public static class Sent extends UnmapRaces.Used {
    /// Sends the page if no store can be under way.
    ///
    /// @return what is sent, or -1 while it has to wait
    final int send(Grace grace) {
      PMAP.writeProtect(address, page);
      return grace.isOver(grace.begin()) ? data() : -1;
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The store comes too late, and faults.")
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "The store is sent.")
  @Outcome(id = "-1, .*", expect = ACCEPTABLE, desc = "A store is under way: the sender waits.")
  @Outcome(expect = FORBIDDEN, desc = "The page changed while it was sent.")
  public static class StoreAgainstSend extends Sent {
    private static final Grace GRACE = new Grace(true, () -> 0, 1, new HaltSwitch());
    private static final Guard GUARD = GRACE.register();

    @Actor
    public void view() {
      store(GUARD);
    }

    @Actor
    public void sender(II_Result r) {
      r.r1 = send(GRACE);
    }

    @Arbiter
    public void end(II_Result r) {
      r.r2 = data();
    }
  }

  @JCStressTest
  @State
  @Outcome(id = "0, 0", expect = ACCEPTABLE, desc = "The store comes too late, and faults.")
  @Outcome(id = "1, 1", expect = ACCEPTABLE, desc = "The store is sent.")
  @Outcome(id = "-1, .*", expect = ACCEPTABLE, desc = "A store is under way: the sender waits.")
  @Outcome(expect = FORBIDDEN, desc = "The page changed while it was sent.")
  public static class StoreAgainstSendCanary extends Sent {
    private static final Grace GRACE = new Grace(true, () -> 0, 1, new HaltSwitch());
    private static final Guard GUARD = GRACE.register();

    @Actor
    public void view() {
      storeWithALateGuard(GUARD);
    }

    @Actor
    public void sender(II_Result r) {
      r.r1 = send(GRACE);
    }

    @Arbiter
    public void end(II_Result r) {
      r.r2 = data();
    }
  }
}
