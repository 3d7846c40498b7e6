package org.pondhawk.replay;

import java.util.List;

/// What a replay needs of a virtual memory: a seam for tests of the replay itself.
interface Machine extends AutoCloseable {
  /// Makes an address space for the calling thread.
  ProcessMemory newProcess();

  MachineFigures figures();

  /// Examines every invariant; the processes must be at rest.
  ///
  /// @return what is wrong
  List<String> check();

  @Override
  void close();
}
