package org.pondhawk.bench;

/// A command line that cannot be run. The message is one line for its author.
final class BadUsageException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  BadUsageException(String message) {
    super(message);
  }
}
