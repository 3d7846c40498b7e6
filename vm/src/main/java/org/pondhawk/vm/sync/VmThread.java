package org.pondhawk.vm.sync;

import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.mem.Processors;

/// What the machine knows of a thread that is inside it: the tokens it holds, its kind, its stripe
/// of the counters (the reference's `thread` and `globaldata`).
///
/// It is passed as `self` to every internal operation that may sleep. One belongs to each View and
/// to each daemon; it is used by one thread at a time, platform or virtual, and needs no
/// ThreadLocal.
public final class VmThread {
  private static final int TOKENS = 8;

  private final String name;
  private int stripe;
  private final boolean system;
  private int nice;
  private @Nullable VmProcess process;

  private final @Nullable Token[] tokens = new @Nullable Token[TOKENS];
  private final boolean[] exclusive = new boolean[TOKENS];
  private final int[] depths = new int[TOKENS];
  private final boolean[] dropped = new boolean[TOKENS];
  private int held;
  private boolean poppedExclusive;
  private @Nullable Ticker deadlineClock;
  private long deadlineNanos;
  private @Nullable HaltSwitch halt;
  private @Nullable LeasedPages leased;
  private boolean readsAhead = true;
  private @Nullable Processors processors;
  private int seat;

  /// Index nodes taken before tokens, for an operation that may insert.
  public final IntStack spareNodes = new IntStack();

  /// Makes the record of a thread.
  ///
  /// @param name for diagnostics
  /// @param stripe which stripe of the counters it uses
  /// @param system whether it serves the machine itself and may use the last pages
  /// @param nice from -20 to 20: how early it yields memory to others
  public VmThread(String name, int stripe, boolean system, int nice) {
    this.name = name;
    this.stripe = stripe;
    this.system = system;
    this.nice = VmProcess.requireNice(nice);
  }

  /// Lets the thread's sleeps end when a machine is halted: what it waits for may never come.
  ///
  /// @return this
  public VmThread endsWith(HaltSwitch machine) {
    halt = machine;
    return this;
  }

  /// Lets the thread be as nice as its process, and be condemned with it.
  ///
  /// @param itsProcess what it belongs to
  /// @return this
  public VmThread in(VmProcess itsProcess) {
    process = itsProcess;
    return this;
  }

  /// Lets the thread find out which pages it has leased.
  ///
  /// @return this
  public VmThread leasesIn(LeasedPages machine) {
    leased = machine;
    return this;
  }

  /// Lets the thread be counted to the processor that it runs on, from now on and whenever it asks
  /// with [#relocate].
  ///
  /// @param machine the processors, one for each stripe
  /// @param number which of the threads it is, from 0
  /// @return this
  public VmThread runsOn(Processors machine, int number) {
    processors = machine;
    seat = number;
    relocate();
    return this;
  }

  /// Looks up afresh which processor the thread runs on. Its stripe is a hint for speed: what is
  /// added in one stripe may be taken away in another, since only sums count.
  public void relocate() {
    Processors machine = processors;
    if (machine != null) {
      stripe = machine.current(seat);
    }
  }

  /// Before a wait for a busy page: fails if the calling thread has leased it, through this or
  /// another view, because it would wait for itself.
  ///
  /// @param page the busy page
  /// @param address where it was needed, for the message
  public void requireNotLeased(int page, long address) {
    if (leased != null && leased.isHeldBy(Thread.currentThread(), page)) {
      throw new LeaseHeldException(
          "0x%x: this thread has leased the page itself, and would wait for that lease to end"
              .formatted(address),
          address);
    }
  }

  /// The name for diagnostics.
  ///
  /// @return the name
  public String name() {
    return name;
  }

  /// The stripe of the counters that the thread uses: the processor that it was on at the last
  /// [#relocate].
  ///
  /// @return an index below the number of stripes
  public int stripe() {
    return stripe;
  }

  /// Whether the thread serves the machine itself.
  ///
  /// @return true for daemons
  public boolean isSystem() {
    return system;
  }

  /// How early the thread yields memory to others: as its process or, if the thread has a niceness
  /// of its own, as that says.
  ///
  /// @return from -20 to 20, 0 by default
  public int nice() {
    VmProcess owner = process;
    return owner == null || (nice != 0 && !owner.isCondemned()) ? nice : owner.nice();
  }

  /// Gives the thread a niceness of its own. Called by the thread itself.
  ///
  /// @param newNice from -20 to 20; 0 for that of its process
  public void setNice(int newNice) {
    nice = VmProcess.requireNice(newNice);
  }

  /// Whether the thread's process was condemned, so that its waits for memory end.
  ///
  /// @return false for a thread of no process
  public boolean isCondemned() {
    VmProcess owner = process;
    return owner != null && owner.isCondemned();
  }

  /// Says whether the pages that follow what the thread reads next are worth reading with it.
  public void setReadsAhead(boolean worth) {
    readsAhead = worth;
  }

  /// Whether the pages that follow what the thread reads are worth reading with it.
  ///
  /// @return true unless something else was said
  public boolean readsAhead() {
    return readsAhead;
  }

  /// Bounds every wait of the thread from now on by a moment, in place of the machine's patience.
  ///
  /// @param clock the clock that the moment is a time of
  /// @param nanos the moment
  public void setDeadline(Ticker clock, long nanos) {
    deadlineClock = clock;
    deadlineNanos = nanos;
  }

  /// Lets the machine's patience hold again.
  public void clearDeadline() {
    deadlineClock = null;
  }

  /// Whether the thread has a deadline of its own.
  ///
  /// @return true between [#setDeadline] and [#clearDeadline]
  public boolean hasDeadline() {
    return deadlineClock != null;
  }

  /// Whether the thread's own deadline has passed.
  ///
  /// @return false without one
  public boolean isExpired() {
    return nanosLeft() <= 0;
  }

  private long nanosLeft() {
    Ticker clock = deadlineClock;
    return clock == null ? Long.MAX_VALUE : deadlineNanos - clock.nanos();
  }

  /// Sleeps on a channel with every token given up meanwhile, but not past the deadline. Throws if
  /// the machine is halted by then.
  ///
  /// @param channel where to sleep
  /// @param ticket the channel's ticket, taken before the condition was tested
  /// @param nanos the bound
  /// @return true if woken, false if the time was over
  public boolean sleep(WaitChannel channel, int ticket, long nanos) {
    assert LockOrder.maySleep() : "sleeping for " + channel.reason() + " with a spin lock held";
    boolean woken;
    dropAll();
    try {
      woken = channel.await(ticket, Math.min(nanos, nanosLeft()));
    } finally {
      retakeAll();
    }
    checkHalt();
    return woken;
  }

  /// Ends a wait in a halted machine: what it is for may never come.
  ///
  /// @throws org.pondhawk.vm.error.MachineHaltedException if the thread's machine is halted
  public void checkHalt() {
    if (halt != null) {
      halt.check();
    }
  }

  /// Runs something that blocks, as I/O, with every token given up meanwhile.
  ///
  /// @param <T> what it results in
  /// @param blocking what to run
  /// @return its result
  /// @throws Exception what it throws
  public <T> T blocking(Callable<T> blocking) throws Exception {
    assert LockOrder.maySleep() : "blocking with a spin lock held";
    dropAll();
    try {
      return blocking.call();
    } finally {
      retakeAll();
    }
  }

  /// Whether the thread holds a token in either mode.
  ///
  /// @param token the token
  /// @return true if held
  public boolean holds(Token token) {
    return find(token) >= 0;
  }

  /// Whether the thread holds a token exclusively.
  ///
  /// @param token the token
  /// @return true if held exclusively
  public boolean holdsExclusively(Token token) {
    int i = find(token);
    return i >= 0 && exclusive[i];
  }

  /// Whether the thread holds no token at all, as at the edge of the machine.
  ///
  /// @return true if none is held
  public boolean holdsNothing() {
    return held == 0;
  }

  /// Counts a taking of a token that is held already; false if it is not, and can be taken.
  boolean recurse(Token token, boolean wantExclusive) {
    int i = find(token);
    if (i < 0) {
      if (held == TOKENS) {
        throw new IllegalStateException(name + " holds " + held + " tokens and wants " + token);
      }
      return false;
    }
    if (wantExclusive && !exclusive[i]) {
      throw new IllegalStateException(
          name + " holds " + token + " shared and wants it exclusively");
    }
    depths[i]++;
    return true;
  }

  void push(Token token, boolean takenExclusively) {
    tokens[held] = token;
    exclusive[held] = takenExclusively;
    depths[held] = 1;
    dropped[held] = false;
    held++;
  }

  /// Takes one holding off the list; true when it was the last of that token.
  boolean pop(Token token) {
    int i = find(token);
    if (i < 0) {
      throw new IllegalStateException(name + " gives back " + token + " without holding it");
    }
    if (--depths[i] > 0) {
      return false;
    }
    poppedExclusive = exclusive[i];
    held--;
    tokens[i] = tokens[held];
    exclusive[i] = exclusive[held];
    depths[i] = depths[held];
    tokens[held] = null;
    return true;
  }

  boolean poppedExclusive() {
    return poppedExclusive;
  }

  void becameExclusive(Token token) {
    exclusive[find(token)] = true;
  }

  /// Gives every token up but `wanted`, which the caller has only listed so far.
  boolean dropAllExcept(Token wanted) {
    boolean any = false;
    for (int i = 0; i < held; i++) {
      Token token = tokens[i];
      dropped[i] = true;
      if (token != null && token != wanted) {
        token.release(exclusive[i]);
        any = true;
      }
    }
    return any;
  }

  private void dropAll() {
    for (int i = 0; i < held; i++) {
      Token token = tokens[i];
      if (token != null) {
        dropped[i] = true;
        token.release(exclusive[i]);
      }
    }
  }

  /// Takes all tokens that were given up, in the order of their numbers.
  void retakeAll() {
    for (int n = 0; n < held; n++) {
      int next = -1;
      for (int i = 0; i < held; i++) {
        if (dropped[i] && (next < 0 || orderOf(i) < orderOf(next))) {
          next = i;
        }
      }
      Token token = next < 0 ? null : tokens[next];
      if (token == null) {
        return;
      }
      token.takeWaiting(exclusive[next]);
      dropped[next] = false;
    }
  }

  private long orderOf(int i) {
    Token token = tokens[i];
    return token == null ? Long.MAX_VALUE : token.order();
  }

  private int find(Token token) {
    for (int i = 0; i < held; i++) {
      if (tokens[i] == token) {
        return i;
      }
    }
    return -1;
  }

  @Override
  public String toString() {
    return name;
  }
}
