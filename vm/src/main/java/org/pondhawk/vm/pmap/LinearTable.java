package org.pondhawk.vm.pmap;

import java.util.List;
import org.pondhawk.vm.mem.OwnMemory;

/// A page table of one reservation: entries follow each other over the whole range, and behind them
/// the region words. An entry is one load away.
final class LinearTable extends TableMemory {
  private final long table;
  private final long entryPieces;
  private final long bytes;

  LinearTable(OwnMemory memory, TableFrames frames, long id, long entryPieces) {
    super(memory, frames, id, entryPieces, 1);
    this.entryPieces = entryPieces;
    this.bytes = (entryPieces + wordPiecesFor(entryPieces)) << PIECE_SHIFT;
    this.table = memory.reserveSparse(bytes);
  }

  /// The address of the first entry.
  long table() {
    return table;
  }

  @Override
  long slot(long entry) {
    return table + entry * Long.BYTES;
  }

  @Override
  long regions() {
    return table + (entryPieces << PIECE_SHIFT);
  }

  @Override
  long placeOf(long n) {
    return table + (n << PIECE_SHIFT);
  }

  @Override
  void provide(long n) {}

  @Override
  void connect(long n) {}

  @Override
  void disconnect(long n) {}

  @Override
  void release() {
    memory.releaseSparse(table, bytes);
  }

  @Override
  List<String> problems() {
    return List.of();
  }
}
