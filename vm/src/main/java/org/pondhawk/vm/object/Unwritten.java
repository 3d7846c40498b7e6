package org.pondhawk.vm.object;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.jspecify.annotations.Nullable;

/// What a cleaning of an object did not get to its pager.
///
/// @param pageCount how many pages are dirty yet
/// @param firstPindex the index of the first of them, or -1 if the pager could not make durable
///   what it has
/// @param cause why, where the pager has said it
public record Unwritten(long pageCount, long firstPindex, @Nullable IOException cause) {
  /// Nothing: all is written.
  public static final Unwritten NOTHING = new Unwritten(0, -1, null);

  /// Whether all is written, and durable if that was asked for.
  public boolean isNothing() {
    return pageCount == 0 && cause == null;
  }

  /// The exception for what is lost with the machine.
  ///
  /// @param objects of how many objects pages are lost
  public UncheckedIOException toLoss(int objects) {
    IOException why = cause == null ? new IOException("the pager gave no reason") : cause;
    return new UncheckedIOException(
        "pages of %d objects could not be written before the machine was closed".formatted(objects),
        why);
  }

  /// The exception that says it.
  ///
  /// @param what what it is that is not durable
  public UncheckedIOException toException(Object what) {
    String which =
        pageCount == 0
            ? "what was written is not durable"
            : "%d pages are not durable, the first at %d".formatted(pageCount, firstPindex);
    IOException why = cause == null ? new IOException("the pager gave no reason") : cause;
    return new UncheckedIOException(
        "%s: %s; they stay in memory and are tried again".formatted(what, which), why);
  }
}
