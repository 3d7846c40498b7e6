package org.pondhawk.vm.sync;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/// A token: a lock that its holder gives up while it sleeps (the reference's `lwkt_token`).
///
/// A token serialises only while its holder runs. Whoever sleeps, for a page, for memory, for I/O
/// or for another token, gives all tokens up and has them back before it goes on, so everything
/// that only a token guards must be looked at again after a sleep. What stays true across a sleep
/// is pinned by something else: a busy page, a reference, paging in progress.
///
/// **Contract.** Shared or exclusive; recursive, and an exclusive holder may take it shared again.
/// A shared holder that wants it exclusively calls [#upgrade]. Waiting for a token gives all others
/// up and takes all again in the order of their numbers, so tokens cannot deadlock.
///
/// **Memory effects.** Giving a token up happens-before the next taking that excludes it.
public final class Token {
  /*
   * ```
   *   31  30  29                                    0
   *  ┌───┬───┬───────────────────────────────────────┐
   *  │ E │ W │ n: shared holders                     │
   *  └───┴───┴───────────────────────────────────────┘
   * ```
   *
   * E  held exclusively. W  somebody sleeps: newcomers queue behind it, and the release that empties
   * the word clears it and wakes all. A newcomer yields to W even where it could share, or shared
   * holders that overlap would starve an exclusive waiter for ever.
   */
  private static final int EXCLUSIVE = 1 << 31;
  private static final int WANTED = 1 << 30;
  private static final int SHARED = WANTED - 1;
  private static final int SPINS = 100;
  private static final long SLICE_NANOS = 1_000_000_000L;

  private static final VarHandle STATE;

  static {
    try {
      STATE = MethodHandles.lookup().findVarHandle(Token.class, "state", int.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private final long order;
  private final WaitChannel channel = new WaitChannel("token");
  private volatile int state;

  /// Makes a token.
  ///
  /// @param order its place in the order in which several tokens are retaken, unique in the machine
  public Token(long order) {
    this.order = order;
  }

  /// The token's place in the order of retaking.
  ///
  /// @return the number given when it was made
  public long order() {
    return order;
  }

  /// Takes the token. May sleep, which gives the thread's other tokens up meanwhile.
  ///
  /// @param self the calling thread
  /// @param exclusive whether to exclude shared holders too
  /// @return true if other tokens were given up meanwhile, so that what they guard may have changed
  public boolean lock(VmThread self, boolean exclusive) {
    if (self.recurse(this, exclusive)) {
      return false;
    }
    if (spin(exclusive)) {
      self.push(this, exclusive);
      return false;
    }
    self.push(this, exclusive);
    boolean others = self.dropAllExcept(this);
    self.retakeAll();
    return others;
  }

  /// Takes the token if that needs no waiting.
  ///
  /// @param self the calling thread
  /// @param exclusive whether to exclude shared holders too
  /// @return true if the caller now holds it
  public boolean tryLock(VmThread self, boolean exclusive) {
    if (self.recurse(this, exclusive)) {
      return true;
    }
    if (!tryTake(exclusive)) {
      return false;
    }
    self.push(this, exclusive);
    return true;
  }

  /// Gives one taking back.
  ///
  /// @param self the calling thread
  public void unlock(VmThread self) {
    if (self.pop(this)) {
      release(self.poppedExclusive());
    }
  }

  /// Makes a single shared holding exclusive, giving it up in between unless nobody else shares it.
  ///
  /// @param self the calling thread, holding the token shared exactly once
  /// @return true if it was given up in between, so that what it guards may have changed
  public boolean upgrade(VmThread self) {
    if (self.holdsExclusively(this)) {
      return false;
    }
    if (STATE.compareAndSet(this, 1, EXCLUSIVE)) {
      self.becameExclusive(this);
      return false;
    }
    unlock(self);
    lock(self, true);
    return true;
  }

  /// Whether somebody sleeps for the token: who has it and can come back later does. A hint.
  ///
  /// @return true if so, at this moment
  public boolean isWanted() {
    return (state & WANTED) != 0;
  }

  private boolean spin(boolean exclusive) {
    for (int i = 0; i < SPINS; i++) {
      if (tryTake(exclusive)) {
        return true;
      }
      Thread.onSpinWait();
    }
    return false;
  }

  private boolean tryTake(boolean exclusive) {
    int was = state;
    if (exclusive) {
      return was == 0 && STATE.compareAndSet(this, 0, EXCLUSIVE);
    }
    return (was & (EXCLUSIVE | WANTED)) == 0 && STATE.compareAndSet(this, was, was + 1);
  }

  /// Takes the word, sleeping as often as needed. The thread holds no later token.
  void takeWaiting(boolean exclusive) {
    while (!spin(exclusive)) {
      int ticket = channel.ticket();
      int was = state;
      if (was == 0) {
        continue;
      }
      if ((was & WANTED) != 0 || STATE.compareAndSet(this, was, was | WANTED)) {
        channel.await(ticket, SLICE_NANOS);
      }
    }
  }

  /// Gives the word up; the release that empties it wakes the sleepers.
  void release(boolean exclusive) {
    for (; ; ) {
      int was = state;
      int left = exclusive ? was & ~EXCLUSIVE : was - 1;
      boolean empty = (left & SHARED) == 0;
      if (STATE.compareAndSet(this, was, empty ? 0 : left)) {
        if (empty && (was & WANTED) != 0) {
          channel.wakeAll();
        }
        return;
      }
    }
  }

  @Override
  public String toString() {
    int word = state;
    return "token "
        + order
        + ((word & EXCLUSIVE) != 0 ? " E" : " -")
        + ((word & WANTED) != 0 ? "W" : "-")
        + " n="
        + (word & SHARED);
  }
}
