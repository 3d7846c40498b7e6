package org.pondhawk.vm.sync;

/// What the threads of one address space have in common: how early they yield memory to others, and
/// whether they were condemned to let the others live (the reference's `proc`: `p_nice`,
/// `P_LOWMEMKILL`).
///
/// Read when a thread is about to wait for memory, and set from any thread at any time.
public final class VmProcess {
  /// The smallest niceness: a thread that yields last.
  public static final int LEAST_NICE = -20;

  /// The largest niceness: a thread that yields first.
  public static final int MOST_NICE = 20;

  private final String name;
  private volatile int nice;
  private volatile boolean condemned;

  /// Makes a process of niceness 0.
  ///
  /// @param name for messages
  public VmProcess(String name) {
    this.name = name;
  }

  /// Requires that a number is a niceness.
  ///
  /// @param nice the number
  /// @return the number
  /// @throws IllegalArgumentException if it is not from -20 to 20
  public static int requireNice(int nice) {
    if (nice < LEAST_NICE || nice > MOST_NICE) {
      throw new IllegalArgumentException(
          "nice=%d is not from %d to %d".formatted(nice, LEAST_NICE, MOST_NICE));
    }
    return nice;
  }

  /// How early its threads yield memory; those that have a niceness of their own do not ask.
  ///
  /// @return from -20 to 20, 0 by default; -20 once it is condemned, so that it gets to its end
  public int nice() {
    return condemned ? LEAST_NICE : nice;
  }

  /// Sets how early its threads yield memory.
  ///
  /// @param newNice from -20, last, to 20, first
  public void setNice(int newNice) {
    nice = requireNice(newNice);
  }

  /// Makes it as nice as its parent, which may be condemned without it.
  ///
  /// @param parent what it was forked from
  public void inherit(VmProcess parent) {
    nice = parent.nice;
  }

  /// Ends every wait of its threads for memory, now and from now on: they are refused instead
  /// (`P_LOWMEMKILL`). Whoever condemns wakes those that sleep.
  ///
  /// @return whether it was not condemned before
  public synchronized boolean condemn() {
    boolean first = !condemned;
    condemned = true;
    return first;
  }

  /// Takes [#condemn] back: waits of its threads that begin from now on are waits again.
  public synchronized void pardon() {
    condemned = false;
  }

  /// Whether it is condemned.
  ///
  /// @return true between [#condemn] and [#pardon]
  public boolean isCondemned() {
    return condemned;
  }

  @Override
  public String toString() {
    return name;
  }
}
