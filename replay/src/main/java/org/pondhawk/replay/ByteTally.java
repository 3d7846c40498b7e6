package org.pondhawk.replay;

import java.util.ArrayList;
import java.util.List;

/// Counts the bytes that were checked and those that were wrong, and remembers the first few.
///
/// Counted by one thread. Others may look on: what they see is a little old, never torn.
final class ByteTally {
  /// So many wrong places are remembered: enough to see a pattern.
  static final int REMEMBERED = 8;

  private final List<WrongPlace> wrongPlaces = new ArrayList<>();
  private long readBytes;
  private long finalBytes;
  private long wrongBytes;

  void checkedAtReads(long bytes) {
    readBytes += bytes;
  }

  void checkedAtTheEnd(long bytes) {
    finalBytes += bytes;
  }

  synchronized void wrong(WrongPlace place) {
    wrongBytes += differingBytes(place.expected(), place.found());
    if (wrongPlaces.size() < REMEMBERED) {
      wrongPlaces.add(place);
    }
  }

  /// How many of the eight bytes of two words differ.
  static int differingBytes(long one, long other) {
    int differing = 0;
    for (long rest = one ^ other; rest != 0; rest >>>= Byte.SIZE) {
      differing += (rest & 0xff) != 0 ? 1 : 0;
    }
    return differing;
  }

  long readBytes() {
    return readBytes;
  }

  long finalBytes() {
    return finalBytes;
  }

  long wrongBytes() {
    return wrongBytes;
  }

  synchronized List<WrongPlace> wrongPlaces() {
    return List.copyOf(wrongPlaces);
  }
}
