package org.pondhawk.vm.page;

/// The busy word: a reader-writer lock, its waiter bit and its swap-I/O bit, in 32 bits.
///
/// ```
///   31  30  29  28                                        0
///  ┌───┬───┬───┬───────────────────────────────────────────┐
///  │ L │ W │ S │ n: soft-busy holders                      │
///  └───┴───┴───┴───────────────────────────────────────────┘
///    │   │   └─ SWAPPING  swap I/O is in flight
///    │   └───── WANTED    someone sleeps here; the change that frees the page wakes them
///    └───────── LOCKED    hard-busy: one holder, who may be another thread than the taker
/// ```
///
/// | transition      | needs        | result       | then                            |
/// |-----------------|--------------|--------------|---------------------------------|
/// | `tryHardBusy`   | `L=0`, `n=0` | `L=1`        |                                 |
/// | `hardBusyBesideSoft` | `L=0`   | `L=1`        | `n` stays: I/O is in flight     |
/// | `tryHardBusyBesideSoft` | `L=0` | `L=1`       | `n` stays                       |
/// | `unbusy`        | `L=1`        | `L=0`, `W=0` | wake if W was 1                 |
/// | `trySoftBusy`   | `L=0`        | `n+1`        |                                 |
/// | `addSoftBusy`   | `L=1` or `n>0` | `n+1`      |                                 |
/// | `dropSoftBusy`  | `n>0`        | `n-1`        | if only W is left: `W=0`, wake  |
/// | `finishIo`      | `n>0`        | `n-1`        | no wake: the hard-busy holder's unbusy does it |
/// | `beginSwap`     | `L=1` or `n>0`, `S=0` | `S=1` |                               |
/// | `endSwap`       | `S=1`        | `S=0`        | no wake: unbusy or drop does it |
/// | `sleepWhileBusy` | `L=1` or `n>0` | `W=1`     | the caller sleeps               |
/// | `sleepWhileHardBusy` | `L=1`   | `W=1`        | the caller sleeps               |
/// | `flash`         | any          | `W=0`        | wake if W was 1                 |
///
/// Everything else is illegal and throws [org.pondhawk.vm.error.VmPanic] with [#describe].
/// [PageBusy] makes the transitions; this class owns the bits.
final class BusyWord {
  static final int LOCKED = 1 << 31;
  static final int WANTED = 1 << 30;
  static final int SWAPPING = 1 << 29;
  static final int SOFT = SWAPPING - 1;

  private BusyWord() {}

  static boolean isIdle(int word) {
    return (word & (LOCKED | SOFT)) == 0;
  }

  static boolean isHardBusy(int word) {
    return (word & LOCKED) != 0;
  }

  static boolean isWanted(int word) {
    return (word & WANTED) != 0;
  }

  static boolean isSwapping(int word) {
    return (word & SWAPPING) != 0;
  }

  static int softHolders(int word) {
    return word & SOFT;
  }

  /// The word in words: the three bits by their letters, then the count.
  static String describe(int word) {
    return (isHardBusy(word) ? "L" : "-")
        + (isWanted(word) ? "W" : "-")
        + (isSwapping(word) ? "S" : "-")
        + " n="
        + softHolders(word);
  }
}
