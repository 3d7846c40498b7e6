package org.pondhawk.replay;

/// What a replaying process needs of its address space. Used by one thread.
interface ProcessMemory extends AutoCloseable {
  /// Maps zero-filled memory at an address, or anywhere if the address is beyond the space.
  ///
  /// @return where it is
  long map(long address, long bytes);

  long getLong(long address);

  void putLong(long address, long value);

  /// Reads `into.length` bytes.
  void read(long address, byte[] into);

  /// Writes `from.length` bytes.
  void write(long address, byte[] from);

  @Override
  void close();
}
