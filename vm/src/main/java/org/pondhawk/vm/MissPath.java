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
  private static final Class<?> LONG = long.class;
  private static final Class<?> INT = int.class;

  private static MethodHandle bringInToLoad = find("beginLoadAgain", LONG, LONG);
  private static MethodHandle bringInToStore = find("beginStoreAgain", LONG, LONG);
  private static MethodHandle load = find("loadMissed", LONG, LONG, INT);
  private static MethodHandle store = find("storeMissed", void.class, LONG, LONG, INT);

  private MissPath() {}

  private static MethodHandle find(String method, Class<?> result, Class<?>... parameters) {
    try {
      MethodType type = MethodType.methodType(result, parameters);
      return MethodHandles.lookup()
          .findVirtual(ScalarAccess.class, method, type)
          .asType(type.insertParameterTypes(0, ViewTranslation.class));
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  /// Goes on with a load whose entry is wanted.
  ///
  /// @return the entry, which allows it
  static long bringInToLoad(ViewTranslation view, long address) {
    try {
      return (long) bringInToLoad.invokeExact(view, address);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  /// Goes on with a store whose entry is wanted.
  ///
  /// @return the entry, which allows it
  static long bringInToStore(ViewTranslation view, long address) {
    try {
      return (long) bringInToStore.invokeExact(view, address);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  /// Does a load of a few bytes.
  ///
  /// @return what was loaded, in the low bytes
  static long load(ViewTranslation view, long address, int bytes) {
    try {
      return (long) load.invokeExact(view, address, bytes);
    } catch (Throwable thrown) {
      throw unchecked(thrown);
    }
  }

  /// Does a store of a few bytes.
  ///
  /// @param value what to store, in the low bytes
  static void store(ViewTranslation view, long address, long value, int bytes) {
    try {
      store.invokeExact(view, address, value, bytes);
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
