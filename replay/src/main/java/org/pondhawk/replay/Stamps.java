package org.pondhawk.replay;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.BitSet;

/// What every byte of a process should be: writes stamps into its pages and checks them.
///
/// All that is kept of a page is how often it was written. The rest follows from that number:
///
/// | words of a page | after write number n they hold |
/// |---|---|
/// | the first and the last | the stamp of n |
/// | one in between, chosen by n | the stamp of n |
/// | one chosen by an earlier write | the stamp of the latest write that chose it |
/// | all others | the pattern, if the page was preloaded, or zero |
///
/// Stamps, patterns and choices differ by seed, process, page, write and word, so that a page that
/// was lost, swapped with another, or is older than it should be does not pass.
final class Stamps {
  private static final VarHandle WORDS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());

  /// A read checks this many words.
  private static final int WORDS_PER_READ = 3;

  /// How many bytes one read checks.
  static final int BYTES_PER_READ = WORDS_PER_READ * Long.BYTES;

  private static final long WORD_STEP = 0xD1B5_4A32_D192_ED03L;

  private final long[] addresses;
  private final ProcessMemory memory;
  private final ByteTally tally;
  private final long[] pageKeys;
  private final int wordCount;
  private final int lastOffset;
  private final long[] writes;
  private final BitSet preloaded = new BitSet();

  private final byte[] bytes;
  private final long[] words;
  private final BitSet known;

  /// @param processKey a number that no other process has
  /// @param addresses where each page is, by its index
  Stamps(long processKey, PageSet pages, long[] addresses, ProcessMemory memory, ByteTally tally) {
    this.pageKeys = new long[pages.count()];
    Arrays.setAll(pageKeys, index -> Mix.mix(processKey, pages.number(index)));
    this.addresses = addresses;
    this.memory = memory;
    this.tally = tally;
    this.wordCount = pages.pageSize() / Long.BYTES;
    this.lastOffset = pages.pageSize() - Long.BYTES;
    this.writes = new long[pages.count()];
    this.bytes = new byte[pages.pageSize()];
    this.words = new long[wordCount];
    this.known = new BitSet(wordCount);
  }

  /// Fills a page with its pattern, before the replay.
  void preload(int index) {
    long key = pageKeys[index];
    for (int word = 0; word < wordCount; word++) {
      WORDS.set(bytes, word * Long.BYTES, stamp(key, 0, word));
    }
    memory.write(addresses[index], bytes);
    preloaded.set(index);
  }

  /// Stamps a page: what a write of the trace does.
  void write(int index) {
    long write = writes[index] + 1;
    writes[index] = write;
    long key = pageKeys[index];
    long address = addresses[index];
    int chosen = chosenWord(key, write);
    memory.putLong(address, stamp(key, write, 0));
    memory.putLong(address + (long) chosen * Long.BYTES, stamp(key, write, chosen));
    memory.putLong(address + lastOffset, stamp(key, write, wordCount - 1));
  }

  /// Checks the three words that the last write stamped, or three of the pattern.
  void read(int index) {
    long write = writes[index];
    long key = pageKeys[index];
    int chosen = chosenWord(key, write);
    expect(index, 0, wordNow(index, key, write, 0));
    expect(index, chosen, wordNow(index, key, write, chosen));
    expect(index, wordCount - 1, wordNow(index, key, write, wordCount - 1));
  }

  /// What the last write left in a word that it stamped; a page never written has its old content.
  private long wordNow(int index, long key, long write, int word) {
    return write == 0 && !preloaded.get(index) ? 0 : stamp(key, write, word);
  }

  private void expect(int index, int word, long expected) {
    long found = memory.getLong(addresses[index] + (long) word * Long.BYTES);
    if (found != expected) {
      wrong(index, word, expected, found, false);
    }
  }

  /// Checks every byte of a page against all that was ever written to it.
  void checkWhole(int index) {
    memory.read(addresses[index], bytes);
    expectedWords(index);
    for (int word = 0; word < wordCount; word++) {
      long found = (long) WORDS.get(bytes, word * Long.BYTES);
      if (found != words[word]) {
        wrong(index, word, words[word], found, true);
      }
    }
    tally.checkedAtTheEnd(bytes.length);
  }

  private void wrong(int index, int word, long expected, long found, boolean atTheEnd) {
    tally.wrong(new WrongPlace(addresses[index], word * Long.BYTES, expected, found, atTheEnd));
  }

  /// Walks back from the last write until every word is known, then adds what was there before.
  private void expectedWords(int index) {
    long key = pageKeys[index];
    known.clear();
    int unknown = wordCount;
    for (long write = writes[index]; write > 0 && unknown > 0; write--) {
      unknown -= know(0, key, write);
      unknown -= know(chosenWord(key, write), key, write);
      unknown -= know(wordCount - 1, key, write);
    }
    boolean pattern = preloaded.get(index);
    for (int word = known.nextClearBit(0); word < wordCount; word = known.nextClearBit(word + 1)) {
      words[word] = pattern ? stamp(key, 0, word) : 0;
    }
  }

  /// Sets a word if no later write did. Returns how many words became known.
  private int know(int word, long key, long write) {
    if (known.get(word)) {
      return 0;
    }
    known.set(word);
    words[word] = stamp(key, write, word);
    return 1;
  }

  /// The word between the first and the last that a write stamps.
  private int chosenWord(long key, long write) {
    long random = Mix.mix(key - write * Mix.GOLDEN) >>> 33;
    return 1 + (int) ((random * (wordCount - 2)) >>> 31);
  }

  /// What write number `write` puts into a word; number 0 is the pattern.
  private static long stamp(long key, long write, int word) {
    return Mix.mix(key + write * Mix.GOLDEN + word * WORD_STEP);
  }
}
