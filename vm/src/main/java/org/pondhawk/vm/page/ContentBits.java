package org.pondhawk.vm.page;

import org.pondhawk.vm.mem.RawMemory;

/// The valid and dirty bits of a page, chunk by chunk, each change one atomic step of the content
/// word: a mapping that is taken away may raise dirty bits meanwhile, and they must not be lost.
///
/// This class knows the bits and no rule; the rules are those of the operations above it. A mask
/// has a bit for each of [Chunks]. The pages are busy as [PageLayout] says.
public final class ContentBits {
  private final PageArray pages;

  /// Makes it over the descriptors.
  public ContentBits(PageArray pages) {
    this.pages = pages;
  }

  /// Makes chunks valid.
  public void addValid(int page, int mask) {
    change(page, mask, 0);
  }

  /// Makes chunks valid, and as old as their backing.
  public void addClean(int page, int mask) {
    change(page, mask, mask << ContentWord.DIRTY_SHIFT);
  }

  /// Makes chunks valid, and newer than their backing.
  public void addValidAndDirty(int page, int mask) {
    change(page, mask | (mask << ContentWord.DIRTY_SHIFT), 0);
  }

  /// Makes chunks newer than their backing.
  public void addDirty(int page, int mask) {
    change(page, mask << ContentWord.DIRTY_SHIFT, 0);
  }

  /// Makes chunks as old as their backing.
  public void dropDirty(int page, int mask) {
    change(page, 0, mask << ContentWord.DIRTY_SHIFT);
  }

  /// Forgets what chunks hold.
  public void dropValidAndDirty(int page, int mask) {
    change(page, 0, mask | (mask << ContentWord.DIRTY_SHIFT));
  }

  private void change(int page, int set, int clear) {
    long word = pages.word(page, PageLayout.CONTENT);
    for (; ; ) {
      int was = RawMemory.getIntAcquire(word);
      int now = (was | set) & ~clear;
      if (was == now || RawMemory.compareAndSetInt(word, was, now)) {
        return;
      }
    }
  }
}
