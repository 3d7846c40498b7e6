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

  /// Looks at the machine from outside.
  ///
  /// @return what was asked for, as lines of text
  String show(Exhibit exhibit);

  @Override
  void close();
}
