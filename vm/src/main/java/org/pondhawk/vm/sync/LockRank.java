package org.pondhawk.vm.sync;

/// The hard locks and spin locks, outermost first. A thread may wait only for a rank below every
/// rank it holds.
///
/// ```
///   SEGMENTS ── MAP ── TABLE ── PAGE ── QUEUE
///   └────── may sleep ─────┘    └── spin ───┘
/// ```
///
/// Object tokens and busy pages are no ranks: a token is given up while its holder sleeps, and a
/// busy page may be released by another thread than its taker. A *try* may be out of order, because
/// it cannot deadlock ([LockOrder#took]). Locks under which nothing else is ever taken, as that of
/// a wait channel or of the pool of nodes, need no rank.
public enum LockRank {
  /// The lock of the table of shared segments.
  SEGMENTS(true),
  /// The lock of an address map.
  MAP(true),
  /// The lock that fills and drops the pages of one page table.
  TABLE(true),
  /// The spin lock of a page.
  PAGE(false),
  /// The spin lock of a page queue.
  QUEUE(false);

  final boolean maySleep;

  LockRank(boolean maySleep) {
    this.maySleep = maySleep;
  }
}
