package org.pondhawk.vm.sync;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/// One thread's mark that it is inside a guarded access: a counter, odd while inside.
///
/// A counter and not a flag, because "still inside" and "inside again" must look different to
/// [Grace]. Only the owner writes it, with plain moves and no locked instruction; the fence that a
/// handshake of this kind needs is paid by the one who waits, through `membarrier`. Where the
/// kernel lacks that, the owner pays it.
///
/// An owner that ran out of stack may miss a leave. Entering always makes the counter odd and
/// leaving changes it to even, so the next access makes up for it.
public sealed class Guard extends GuardPadding permits FencedGuard {
  private static final VarHandle COUNT;

  static {
    try {
      COUNT = MethodHandles.lookup().findVarHandle(GuardCount.class, "count", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  Guard() {}

  /// Goes inside. From here to [#leave] the owner neither locks, waits, faults, allocates nor calls
  /// user code.
  public void enter() {
    // Opaque is enough: the compiler keeps it before the loads that follow, and Grace's membarrier
    // orders it before them for the processor.
    COUNT.setOpaque((GuardCount) this, count | 1);
  }

  /// Goes outside, or stays there; what was stored inside is visible to whoever sees it.
  public final void leave() {
    COUNT.setRelease((GuardCount) this, (count | 1) + 1);
  }

  /// The counter as another thread sees it.
  ///
  /// @return odd while the owner is inside
  final long observe() {
    return (long) COUNT.getAcquire((GuardCount) this);
  }
}

/// Keeps the counter off the cache line of what lies before it.
class GuardFront {
  long p1;
  long p2;
  long p3;
  long p4;
  long p5;
  long p6;
  long p7;
}

/// The counter itself.
class GuardCount extends GuardFront {
  long count;
}

/// Keeps the counter off the cache line of what lies behind it.
class GuardPadding extends GuardCount {
  long q1;
  long q2;
  long q3;
  long q4;
  long q5;
  long q6;
  long q7;
}
