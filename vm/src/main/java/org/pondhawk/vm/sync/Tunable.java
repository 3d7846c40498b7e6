package org.pondhawk.vm.sync;

/// One number of the machine that its user may choose, and may see while it runs (a `sysctl`, or a
/// `tunable` where it is chosen before boot).
///
/// **Contract.** The value is in its range at all times. Any thread may read and set it; who reads
/// it sees a recent value, and does so again whenever it acts on it.
public final class Tunable {
  /// When a value may be chosen.
  public enum Change {
    /// At any time.
    LIVE,
    /// Before the machine boots.
    AT_BOOT
  }

  private final String name;
  private final String what;
  private final Change change;
  private final long min;
  private final long max;
  private final long initial;
  private volatile long value;

  private Tunable(String name, Change change, long min, long max, long initial, String what) {
    if (initial < min || initial > max) {
      throw new IllegalArgumentException(
          "%s is %d at first, which is not from %d to %d".formatted(name, initial, min, max));
    }
    this.name = name;
    this.what = what;
    this.change = change;
    this.min = min;
    this.max = max;
    this.initial = initial;
    this.value = initial;
  }

  /// A number that may be set at any time.
  ///
  /// @param name with dots, as the reference has it
  /// @param what it is and does, one sentence with the unit
  public static Tunable live(String name, long min, long max, long initial, String what) {
    return new Tunable(name, Change.LIVE, min, max, initial, what);
  }

  /// A number that is chosen before the machine boots.
  ///
  /// @param name with dots, as the reference has it
  /// @param what it is and does, one sentence with the unit
  public static Tunable atBoot(String name, long min, long max, long initial, String what) {
    return new Tunable(name, Change.AT_BOOT, min, max, initial, what);
  }

  /// Its name.
  public String name() {
    return name;
  }

  /// What it is and does.
  public String what() {
    return what;
  }

  /// When it may be chosen.
  public Change change() {
    return change;
  }

  /// The least value.
  public long min() {
    return min;
  }

  /// The greatest value.
  public long max() {
    return max;
  }

  /// The value that nobody chose.
  public long initial() {
    return initial;
  }

  /// The value.
  public long get() {
    return value;
  }

  /// Sets the value of a running machine.
  ///
  /// @throws IllegalStateException if it is chosen before boot
  /// @throws IllegalArgumentException if it is out of range; then nothing has changed
  public void set(long wanted) {
    if (change != Change.LIVE) {
      throw new IllegalStateException(name + " can be chosen only before the machine boots");
    }
    choose(wanted);
  }

  /// Sets the value before the machine boots, whenever it may be changed later.
  ///
  /// @throws IllegalArgumentException if it is out of range; then nothing has changed
  public void choose(long wanted) {
    if (wanted < min || wanted > max) {
      throw new IllegalArgumentException(
          "%s=%d is not from %d to %d".formatted(name, wanted, min, max));
    }
    value = wanted;
  }
}
