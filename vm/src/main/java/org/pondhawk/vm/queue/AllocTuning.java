package org.pondhawk.vm.queue;

import org.pondhawk.vm.sync.Tunable;

/// How the allocator of a machine searches and sets aside, as its user chose it.
///
/// @param setAssociativityMask one less than the colours of the first window of a search, rounded
///   up to a power of two; or [#BY_PROCESSORS] (`set_assoc_mask`)
/// @param magazinePages how many zeroed pages each processor sets aside at most; 0 for none
public record AllocTuning(int setAssociativityMask, int magazinePages) {
  /// Stands for the mask that the reference works out when its drivers are attached.
  public static final int BY_PROCESSORS = -1;

  /// The mask that nobody chose.
  public static final int USUAL_MASK = 15;

  /// What nobody chose.
  public static final AllocTuning USUAL = new AllocTuning(USUAL_MASK, 0);

  /// What the user of a machine chose.
  public static AllocTuning of(Tunable setAssociativityMask, Tunable magazinePages) {
    return new AllocTuning((int) setAssociativityMask.get(), (int) magazinePages.get());
  }

  /// The mask that gives each processor a share of the colours as its first window, of at least 16
  /// (`vm_page_startup_finish`).
  public static int maskFor(int cpus) {
    int fit = cpus <= 1 ? 1 : Integer.highestOneBit(cpus - 1) << 1;
    return Math.max(USUAL_MASK, PageQueue.COLORS / fit - 1);
  }

  /// How many colours the first window of a search has: a power of two.
  int firstWindow(int cpus) {
    int mask = setAssociativityMask == BY_PROCESSORS ? maskFor(cpus) : setAssociativityMask;
    return mask == 0 ? 1 : Integer.highestOneBit(mask) << 1;
  }
}
