package org.pondhawk.replay;

import java.io.IOException;

/// A trace that cannot be used: which one, where, and what was expected there.
public final class BadTraceException extends IOException {
  private static final long serialVersionUID = 1L;

  BadTraceException(String trace, String problem) {
    super(trace + ": " + problem);
  }

  BadTraceException(String trace, long position, String problem) {
    super(trace + ": at byte " + position + ": " + problem);
  }
}
