package org.pondhawk.vm.map;

/// The life of an address space in 64 bits: who refers to it, who holds it, and how far its end has
/// come.
///
/// ```
///   63  62  61  60                       31 30                        0
///  ┌───┬───┬───┬───────────────────────────┬───────────────────────────┐
///  │ D │ 1 │ 2 │ r: references             │ h: holds                  │
///  └───┴───┴───┴───────────────────────────┴───────────────────────────┘
///    │   │   └─ TORN_DOWN  stage 2 has begun: the page table goes (`VMSPACE_EXIT2`)
///    │   └───── EMPTIED    stage 1 is over: nothing is mapped (`VMSPACE_EXIT1`)
///    └───────── DELETED    nobody refers to it, nor ever will (`VM_REF_DELETED`)
/// ```
///
/// | transition      | needs                | result          | then                        |
/// |-----------------|----------------------|-----------------|-----------------------------|
/// | `tryReference`  | `D=0`                | `r+1`, `h+1`    |                             |
/// | `release`       | `D=0`, `r>1`         | `r-1`, `h-1`    |                             |
/// | `tryDelete`     | `D=0`, `r=1`         | `D=1`, `r=0`    | its hold is stage 1's       |
/// | `deleteAll`     | `D=0`                | `D=1`, `r=0`, `h-r+1` | one hold is stage 1's |
/// | `emptied`       | `D=1`, `1=0`         | `1=1`           |                             |
/// | `tryHold`       | `h>0`                | `h+1`           |                             |
/// | `drop`          | `h>1`, `h>r`         | `h-1`           |                             |
/// | `drop`          | `h=1`, `D=1`, `1=1`, `2=0` | `h=0`, `2=1` | stage 2                  |
///
/// Everything else is illegal and throws [org.pondhawk.vm.error.VmPanic] with [#describe]. Every
/// reference owns a hold, so that `r ≤ h` while `D=0`. [SpaceLife] makes the transitions; this
/// class owns the bits.
final class LifeWord {
  static final long DELETED = 1L << 63;
  static final long EMPTIED = 1L << 62;
  static final long TORN_DOWN = 1L << 61;
  static final long ONE_REFERENCE = 1L << 31;
  static final long ONE_HOLD = 1;

  /// The most of either count.
  static final int MOST = (1 << 30) - 1;

  /// A space that was just made: its maker's reference, and the hold that it owns.
  static final long NEW = ONE_REFERENCE | ONE_HOLD;

  private LifeWord() {}

  static boolean isDeleted(long word) {
    return (word & DELETED) != 0;
  }

  static boolean isEmptied(long word) {
    return (word & EMPTIED) != 0;
  }

  static boolean isTornDown(long word) {
    return (word & TORN_DOWN) != 0;
  }

  static int references(long word) {
    return (int) (word >>> 31) & MOST;
  }

  static int holds(long word) {
    return (int) word & MOST;
  }

  /// The word in words: the three bits by their names, then the counts.
  static String describe(long word) {
    return (isDeleted(word) ? "D" : "-")
        + (isEmptied(word) ? "1" : "-")
        + (isTornDown(word) ? "2" : "-")
        + " r="
        + references(word)
        + " h="
        + holds(word);
  }
}
