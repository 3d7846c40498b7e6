package org.pondhawk.vm.map;

/// How a range is said to be used (`MAP_ENTRY_BEHAV_*`).
public enum Behavior {
  /// In any way: what is read or mapped may bring its neighbours with it.
  NORMAL,
  /// From its beginning to its end; so far as [#NORMAL].
  SEQUENTIAL,
  /// At random places: neighbours are left alone.
  RANDOM
}
