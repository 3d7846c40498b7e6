package org.pondhawk.vm.mem;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/// The handles of the functions of the C library that [Linux] calls.
///
/// A class of its own, so that its initialization fails as a whole where the platform lacks a
/// function or refuses native access, and [Linux#available()] can say so without failing itself.
/// Addresses are passed as longs: they point into memory that no segment of ours describes.
final class Libc {
  private static final Linker LINKER = Linker.nativeLinker();
  private static final Linker.Option ERRNO = Linker.Option.captureCallState("errno");
  private static final MemoryLayout CAPTURE = Linker.Option.captureStateLayout();
  private static final long ERRNO_OFFSET =
      CAPTURE.byteOffset(MemoryLayout.PathElement.groupElement("errno"));

  /*
   * Those with errno take the capture segment first, see capture(). The others cannot fail, or
   * fail in ways that their callers do not tell apart.
   */
  static final MethodHandle MMAP =
      withErrno("mmap", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
  static final MethodHandle MUNMAP = withErrno("munmap", JAVA_INT, JAVA_LONG, JAVA_LONG);
  static final MethodHandle MADVISE =
      withErrno("madvise", JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);
  static final MethodHandle PREAD =
      withErrno("pread", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  static final MethodHandle PWRITE =
      withErrno("pwrite", JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG);
  static final MethodHandle PREADV =
      withErrno("preadv", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG);
  static final MethodHandle PWRITEV =
      withErrno("pwritev", JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG);
  static final MethodHandle FTRUNCATE = withErrno("ftruncate", JAVA_INT, JAVA_INT, JAVA_LONG);
  static final MethodHandle FDATASYNC = withErrno("fdatasync", JAVA_INT, JAVA_INT);
  static final MethodHandle FLOCK = withErrno("flock", JAVA_INT, JAVA_INT, JAVA_INT);
  static final MethodHandle CLOSE = withErrno("close", JAVA_INT, JAVA_INT);
  static final MethodHandle UNLINK = withErrno("unlink", JAVA_INT, ADDRESS);
  static final MethodHandle STATX =
      withErrno("statx", JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS);
  static final MethodHandle OPEN =
      bind(
          "open",
          FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT),
          ERRNO,
          Linker.Option.firstVariadicArg(2));
  static final MethodHandle POSIX_FALLOCATE =
      bind("posix_fallocate", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, JAVA_LONG));
  static final MethodHandle SYSCALL_3 =
      bind(
          "syscall",
          FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT),
          Linker.Option.firstVariadicArg(1));
  static final MethodHandle SYSCALL_6 =
      bind(
          "syscall",
          FunctionDescriptor.of(
              JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG),
          ERRNO,
          Linker.Option.firstVariadicArg(1));
  static final MethodHandle GETPAGESIZE = bind("getpagesize", FunctionDescriptor.of(JAVA_INT));
  static final MethodHandle SCHED_YIELD = bind("sched_yield", FunctionDescriptor.of(JAVA_INT));
  static final MethodHandle SCHED_GETCPU =
      bind("sched_getcpu", FunctionDescriptor.of(JAVA_INT), Linker.Option.critical(false));

  private Libc() {}

  /// Binds every function now, by initializing this class.
  static void bindAll() {}

  /// A segment for the error number of one call.
  static MemorySegment capture(Arena arena) {
    return arena.allocate(CAPTURE);
  }

  /// The error number that a failed call left in its capture segment.
  static int errno(MemorySegment capture) {
    return capture.get(JAVA_INT, ERRNO_OFFSET);
  }

  private static MethodHandle withErrno(
      String name, MemoryLayout result, MemoryLayout... arguments) {
    return bind(name, FunctionDescriptor.of(result, arguments), ERRNO);
  }

  @SuppressWarnings("restricted")
  private static MethodHandle bind(
      String name, FunctionDescriptor function, Linker.Option... options) {
    MemorySegment symbol =
        LINKER
            .defaultLookup()
            .find(name)
            .orElseThrow(
                () -> new UnsupportedOperationException("the C library has no " + name + "()"));
    return LINKER.downcallHandle(symbol, function, options);
  }
}
