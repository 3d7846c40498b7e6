package org.pondhawk.vm.kmem;

/// What a zone is to be like (`ZONE_*`).
public enum ZoneFlag {
  /// Its addresses are taken at once for as many items as it is limited to, and its pages without a
  /// wait; index nodes are all that an allocation may sleep for (`ZONE_INTERRUPT`).
  INTERRUPT,
  /// There must be an item whenever one is asked for (`ZONE_PANICFAIL`).
  PANIC_ON_FAILURE,
  /// It may be taken down, and its memory given back (`ZONE_DESTROYABLE`).
  DESTROYABLE
}
