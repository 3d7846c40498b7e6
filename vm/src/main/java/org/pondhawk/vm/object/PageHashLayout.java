package org.pondhawk.vm.object;

/// One entry of the page hash: where a page was, some time ago.
///
/// ```
///   byte +0            +4            +8            +12
///      ┌─────────────┬─────────────┬───────────────────────────┐
///    0 │ page + 1    │ object slot │ pindex                    │
///      ├─────────────┴─────────────┼─────────────┬─────────────┤
///   16 │ object id                 │ ticks       │             │
///      └───────────────────────────┴─────────────┴─────────────┘
/// ```
///
/// Every field may be written by anybody at any time, each untorn by itself, and none goes with any
/// other. `page + 1` is 0 in an entry that was never used. The id is what a slot has besides: no
/// two objects of a machine have the same.
final class PageHashLayout {
  static final long PAGE = 0;
  static final long SLOT = 4;
  static final long PINDEX = 8;
  static final long ID = 16;
  static final long TICKS = 24;

  /// Half a cache line.
  static final int BYTES = 32;

  private PageHashLayout() {}
}
