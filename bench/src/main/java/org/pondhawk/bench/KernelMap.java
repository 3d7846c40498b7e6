package org.pondhawk.bench;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.invoke.MethodHandle;

/// The kernel's own mmap family, called as fast as Java can, on anonymous private memory that takes
/// no swap.
final class KernelMap {
  static final int READ = 1;
  static final int READ_WRITE = 3;

  private static final int PRIVATE_ANONYMOUS_NORESERVE = 0x4022;
  private static final int FIXED = 0x10;

  private static final MethodHandle MMAP =
      handle(
          "mmap",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG));
  private static final MethodHandle MUNMAP =
      handle("munmap", FunctionDescriptor.of(JAVA_INT, JAVA_LONG, JAVA_LONG));

  private KernelMap() {}

  @SuppressWarnings("restricted")
  private static MethodHandle handle(String name, FunctionDescriptor type) {
    Linker linker = Linker.nativeLinker();
    return linker.downcallHandle(
        linker.defaultLookup().findOrThrow(name), type, Linker.Option.critical(false));
  }

  /// Maps where the kernel likes.
  static long map(long bytes, int protection) {
    return map(0, bytes, protection, PRIVATE_ANONYMOUS_NORESERVE);
  }

  /// Maps at an address, where nothing is or what is there may go.
  static void mapAt(long address, long bytes, int protection) {
    long got = map(address, bytes, protection, PRIVATE_ANONYMOUS_NORESERVE | FIXED);
    if (got != address) {
      throw new IllegalStateException("mmap at 0x%x gave 0x%x".formatted(address, got));
    }
  }

  private static long map(long address, long bytes, int protection, int flags) {
    try {
      long got = (long) MMAP.invokeExact(address, bytes, protection, flags, -1, 0L);
      if (got == -1) {
        throw new OutOfMemoryError("mmap of " + bytes + " bytes");
      }
      return got;
    } catch (Error | RuntimeException e) {
      throw e;
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }

  static void unmap(long address, long bytes) {
    try {
      int failed = (int) MUNMAP.invokeExact(address, bytes);
      if (failed != 0) {
        throw new IllegalStateException("munmap of %d bytes at 0x%x".formatted(bytes, address));
      }
    } catch (Error | RuntimeException e) {
      throw e;
    } catch (Throwable t) {
      throw new AssertionError(t);
    }
  }
}
