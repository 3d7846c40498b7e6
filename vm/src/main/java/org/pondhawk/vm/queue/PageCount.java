package org.pondhawk.vm.queue;

/// The moving page counts of the machine (the moving part of the reference's `vmstats`).
public enum PageCount {
  /// Pages on the free queues.
  FREE,
  /// Pages on the cache queues.
  CACHE,
  /// Pages on the inactive queues.
  INACTIVE,
  /// Pages on the active and the hold queues.
  ACTIVE,
  /// Pages that are wired.
  WIRED;

  static final int SIZE = values().length;
}
