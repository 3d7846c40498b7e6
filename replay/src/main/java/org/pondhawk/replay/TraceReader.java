package org.pondhawk.replay;

import java.io.IOException;

/// A reader of one trace format.
interface TraceReader {
  /// Reads a whole trace, to the end of the input.
  ///
  /// @throws BadTraceException if the input is not a whole trace of this format
  Trace read(TraceInput in) throws IOException;
}
