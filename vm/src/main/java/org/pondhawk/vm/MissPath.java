package org.pondhawk.vm;

import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;

/// The way from an access that missed to what is done about it, hidden from the compiler.
///
/// Accesses to fresh memory all fault, so a compiler that can see where a miss leads takes the
/// fault handler into every access: some are then too big to be taken into their callers, and those
/// that are taken in have a loop about their page table entry. Either way a random store takes two
/// to three times as long, for good. Calls through handles that are not constants are never taken
/// in; they cost a few nanoseconds, and only a miss pays them.
@SuppressWarnings({"FieldMayBeFinal", "NonFinalStaticField"}) // final would be constant
final class MissPath {
  private static MethodHandle load = find("beginLoadAgain");
  private static MethodHandle store = find("beginStoreAgain");

  private MissPath() {}

  private static MethodHandle find(String method) {
    try {
      return MethodHandles.lookup()
          .findVirtual(
              ViewTranslation.class, method, MethodType.methodType(long.class, long.class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /// Goes on with a load.
  ///
  /// @return the entry, which allows it
  static long load(ViewTranslation view, long address) {
    try {
      return (long) load.invokeExact(view, address);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  /// Goes on with a store.
  ///
  /// @return the entry, which allows it
  static long store(ViewTranslation view, long address) {
    try {
      return (long) store.invokeExact(view, address);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  private static RuntimeException unchecked(Throwable thrown) {
    return switch (thrown) {
      case RuntimeException exception -> exception;
      case Error error -> throw error;
      default -> throw new AssertionError(thrown);
    };
  }
}
