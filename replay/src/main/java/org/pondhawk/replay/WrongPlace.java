package org.pondhawk.replay;

import java.util.Locale;

/// A word that was not what had been written there.
///
/// @param pageAddress the address of its page in the process
/// @param offset where in the page the word begins, in bytes
/// @param expected what should be there
/// @param found what is there
/// @param atTheEnd whether the final check saw it, rather than a read of the replay
public record WrongPlace(
    long pageAddress, int offset, long expected, long found, boolean atTheEnd) {
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "page %#x byte %d: expected %016x, found %016x (%s)",
        pageAddress,
        offset,
        expected,
        found,
        atTheEnd ? "at the end" : "at a read");
  }
}
