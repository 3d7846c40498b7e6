package org.pondhawk.vm.queue;

import org.pondhawk.vm.page.PageColor;

/// The five kinds of page queue. Each has one queue a colour; index 0 is no queue at all.
@SuppressWarnings("EnumOrdinal") // the kind is a digit of the queue index
public enum PageQueue {
  /// Ready for use, content gone (`PQ_FREE`). Last in, first out.
  FREE(PageCount.FREE),
  /// Not used lately, clean or dirty, perhaps mapped (`PQ_INACTIVE`).
  INACTIVE(PageCount.INACTIVE),
  /// In use (`PQ_ACTIVE`).
  ACTIVE(PageCount.ACTIVE),
  /// Clean and unmapped: as good as free, yet its content can be had back (`PQ_CACHE`).
  CACHE(PageCount.CACHE),
  /// Free, but held by somebody who still looks at the frame (`PQ_HOLD`).
  HOLD(PageCount.ACTIVE);

  /// How many colours each kind has (`PQ_L2_SIZE`).
  public static final int COLORS = PageColor.COUNT;

  static final int COLOR_MASK = COLORS - 1;
  static final int NONE = 0;
  static final int COUNT = 1 + values().length * COLORS;

  private static final PageQueue[] KINDS = values();

  final PageCount counter;

  PageQueue(PageCount counter) {
    this.counter = counter;
  }

  /// The index of the queue of this kind and a colour.
  public int index(int color) {
    return 1 + ordinal() * COLORS + (color & COLOR_MASK);
  }

  /// Whether a queue index is of this kind.
  public boolean isKindOf(int queue) {
    return queue != NONE && (queue - 1) / COLORS == ordinal();
  }

  /// The colour of a queue.
  ///
  /// @param queue an index from 1
  public static int colorOf(int queue) {
    return (queue - 1) & COLOR_MASK;
  }

  /// The kind of a queue.
  ///
  /// @param queue an index from 1
  public static PageQueue kindOf(int queue) {
    return KINDS[(queue - 1) / COLORS];
  }
}
