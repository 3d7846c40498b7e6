package org.pondhawk.vm;

import java.io.IOException;
import java.nio.ByteBuffer;

/// Where the bytes of a [MemoryObject] come from and go to, as its user provides it: a file, a part
/// of one, a block of a data base.
///
/// The methods are called from any thread of the machine, several at once for different bytes, and
/// may block. They must not touch memory that is mapped in a space of the machine: the machine may
/// be waiting for them to give memory back, and as long as they take nobody else's dirty pages are
/// written. What they throw beside `IOException` counts as one.
public interface BackingStore {
  /// Reads bytes. What is left of the buffer reads as zeros.
  ///
  /// @param offset where in the store, a multiple of the page size
  /// @param into a heap buffer of a page at most, to be used during the call only
  /// @throws IOException if the bytes are there and can't be read: the access that needed them
  ///   fails with it, and may be tried again
  void read(long offset, ByteBuffer into) throws IOException;

  /// Writes all bytes of a buffer.
  ///
  /// @param offset where in the store, a multiple of the page size
  /// @param from a heap buffer of some pages, to be used during the call only
  /// @throws IOException if not all are written: they stay in memory and are tried again
  void write(long offset, ByteBuffer from) throws IOException;

  /// Makes durable what was written.
  ///
  /// @throws IOException if some of it may not be
  default void force() throws IOException {}

  /// Gives the store another size: called before the object gets longer, and after it got shorter,
  /// when nothing is being read or written beyond the new end.
  ///
  /// @param bytes the size
  /// @throws IOException if that can't be done
  default void resize(long bytes) throws IOException {}

  /// Is called once, when the machine will not use the store any more.
  default void released() {}
}
