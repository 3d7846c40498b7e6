package org.pondhawk.vm;

import org.pondhawk.vm.map.ResidencyScan;

/// Which pages of a range were in memory, and what had happened to them: the answer of
/// [AddressSpace#residency].
public final class Residency {
  private static final int MOST = Integer.MAX_VALUE - 8;

  private final byte[] states;

  Residency(byte[] states) {
    this.states = states;
  }

  static int pageCount(long bytes, int pageSize) {
    long count = bytes / pageSize;
    if (count > MOST) {
      throw new IllegalArgumentException("residency of %d pages at once".formatted(count));
    }
    return (int) count;
  }

  private boolean has(int page, int bit) {
    return (states[page] & bit) != 0;
  }

  /// How many pages the range has.
  public int pageCount() {
    return states.length;
  }

  /// How many of them are in memory.
  public int residentCount() {
    int count = 0;
    for (int page = 0; page < states.length; page++) {
      count += isResident(page) ? 1 : 0;
    }
    return count;
  }

  /// Whether a page is in memory.
  ///
  /// @param page its number in the range, from 0
  public boolean isResident(int page) {
    return has(page, ResidencyScan.RESIDENT);
  }

  /// Whether a page was accessed through this space since the machine last asked.
  public boolean isReferenced(int page) {
    return has(page, ResidencyScan.REFERENCED);
  }

  /// Whether a page was stored into through this space since the machine last asked.
  public boolean isModified(int page) {
    return has(page, ResidencyScan.MODIFIED);
  }

  /// Whether a page was accessed by anybody since the machine last asked.
  public boolean isReferencedByAny(int page) {
    return has(page, ResidencyScan.REFERENCED_BY_ANY);
  }

  /// Whether a page differs from what backs it, or was stored into by anybody.
  public boolean isModifiedByAny(int page) {
    return has(page, ResidencyScan.MODIFIED_BY_ANY);
  }

  @Override
  public String toString() {
    return "%d of %d pages resident".formatted(residentCount(), states.length);
  }
}
