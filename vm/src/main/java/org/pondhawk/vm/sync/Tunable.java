package org.pondhawk.vm.sync;

import java.util.List;
import java.util.function.LongConsumer;

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

  /// What the number stands for.
  public enum Kind {
    /// Itself, of some unit.
    NUMBER,
    /// Bytes.
    BYTES,
    /// 0 for off, 1 for on.
    FLAG,
    /// One of some words, by its place among them.
    CHOICE
  }

  private final String name;
  private final String what;
  private final Change change;
  private final long min;
  private final long max;

  /// What follows is said where the tunable is made, or while the machine is, before others have
  /// it.
  private Kind kind = Kind.NUMBER;

  private String unit = "";
  private String derivation = "";
  private List<String> words = List.of();
  private LongConsumer taker = this::note;
  private long initial;
  private boolean chosen;
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

  /// Something that is on or off.
  ///
  /// @param name with dots, as the reference has it
  /// @param what is so while it is on, one sentence
  public static Tunable flag(String name, Change change, boolean initial, String what) {
    Tunable made = new Tunable(name, change, 0, 1, initial ? 1 : 0, what);
    made.kind = Kind.FLAG;
    return made;
  }

  /// One of some words, the first by default.
  ///
  /// @param name with dots, as the reference has it
  /// @param what it decides, one sentence
  /// @param words what may be chosen; the value is the place, from 0
  public static Tunable choice(String name, Change change, String what, String... words) {
    Tunable made = new Tunable(name, change, 0, words.length - 1L, 0, what);
    made.kind = Kind.CHOICE;
    made.words = List.of(words);
    return made;
  }

  /// Says the unit of the number.
  ///
  /// @param itsUnit in the plural
  /// @return this
  public Tunable in(String itsUnit) {
    unit = itsUnit;
    kind = "bytes".equals(itsUnit) ? Kind.BYTES : Kind.NUMBER;
    return this;
  }

  /// Says that the value which nobody chose depends on the machine: [#settle] will give it.
  ///
  /// @param how it is worked out, in a few words
  /// @return this
  public Tunable derived(String how) {
    derivation = how;
    return this;
  }

  /// Names what takes a value over that is set while the machine runs, and may refuse it.
  ///
  /// @param part goes by the value from now on and says so with [#note], in an order of its own if
  ///   it is set in several ways; throws `IllegalArgumentException` to refuse
  public void takenBy(LongConsumer part) {
    taker = part;
  }

  /// Gives the value that nobody chose, now that the machine is known; one that was chosen stays.
  ///
  /// @param known in the range
  public void settle(long known) {
    initial = requireInRange(known);
    if (!chosen) {
      value = known;
    }
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

  /// What the number stands for.
  public Kind kind() {
    return kind;
  }

  /// The unit in the plural, or nothing.
  public String unit() {
    return unit;
  }

  /// The words of a choice, in the order of their values; none for anything else.
  public List<String> words() {
    return words;
  }

  /// How the value that nobody chose is worked out, or nothing if it is the same on every machine.
  public String derivation() {
    return derivation;
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

  /// Whether somebody chose the value before the machine booted.
  public boolean isChosen() {
    return chosen;
  }

  /// The value.
  public long get() {
    return value;
  }

  /// Whether a flag is on.
  public boolean isOn() {
    return value != 0;
  }

  /// Sets the value of a running machine.
  ///
  /// @throws IllegalStateException if it is chosen before boot
  /// @throws IllegalArgumentException if it is out of range, or what goes by it refuses it; then
  ///   nothing has changed
  public synchronized void set(long wanted) {
    requireSettable(wanted);
    taker.accept(wanted);
  }

  /// Requires that [#set] may be tried.
  ///
  /// @throws IllegalStateException if it is chosen before boot
  /// @throws IllegalArgumentException if it is out of range
  public void requireSettable(long wanted) {
    if (change != Change.LIVE) {
      throw new IllegalStateException(name + " can be chosen only before the machine boots");
    }
    requireInRange(wanted);
  }

  /// Sets the value before the machine boots, whenever it may be changed later.
  ///
  /// @throws IllegalArgumentException if it is out of range; then nothing has changed
  public void choose(long wanted) {
    value = requireInRange(wanted);
    chosen = true;
  }

  /// Notes a value that what goes by it has taken over.
  ///
  /// @param taken in the range
  public void note(long taken) {
    value = requireInRange(taken);
  }

  private long requireInRange(long wanted) {
    if (wanted < min || wanted > max) {
      throw new IllegalArgumentException(
          "%s=%d is not from %d to %d".formatted(name, wanted, min, max));
    }
    return wanted;
  }
}
