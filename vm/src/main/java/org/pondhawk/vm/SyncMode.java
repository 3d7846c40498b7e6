package org.pondhawk.vm;

/// When [AddressSpace#sync] returns.
public enum SyncMode {
  /// When everything that was stored before is in its store and durable (`MS_SYNC`).
  WAIT,
  /// When the writing has begun (`MS_ASYNC`). A store that works in its caller's thread has it done
  /// by then, but not made durable.
  START
}
