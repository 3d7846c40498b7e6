package org.pondhawk.vm;

/// Who sees what is stored into a mapping of a [MemoryObject] (`MAP_SHARED`, `MAP_PRIVATE`).
public enum Sharing {
  /// Everybody who has the object mapped, and its store: forks share it too.
  SHARED,
  /// The mapping alone: a page that is stored into is copied first. What others store shows until
  /// then.
  PRIVATE
}
