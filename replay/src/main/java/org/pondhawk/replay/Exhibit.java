package org.pondhawk.replay;

/// What can be shown of the machine of a replay.
public enum Exhibit {
  /// The counts of pages, and the levels that they are compared with (`show page`).
  PAGE,
  /// The lengths of the page queues, colour by colour (`show pageq`).
  PAGEQ,
  /// What is mapped in each address space (`show map`).
  MAP,
  /// The pools of items of the machine's own memory (`vm.zone`).
  ZONE
}
