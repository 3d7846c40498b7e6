package org.pondhawk.vm.mem;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.Charset;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileSystems;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// The kernel: every native call of the library, and nothing else, is made here.
///
/// Memory, files and processors are reached through the foreign function interface of the JDK, so
/// that first touch, huge pages and vectored I/O are ours, and so that an interrupt of a thread can
/// never close a file under the VM, as it does with the channels of the JDK.
///
/// **Contract.** All methods may be called from any thread. Unless a method says otherwise it needs
/// [#available()] and throws `UnsupportedOperationException` without it. A call blocks for as long
/// as the kernel does, and pins the carrier of a virtual thread meanwhile. A call that a signal
/// broke off is made again; nobody meets `EINTR`.
///
/// **Failure.** Files report an `IOException` of the kind that the JDK would throw, with the name
/// and the text of the error number. Memory calls fail only for want of memory or by a wrong
/// argument, and throw `IllegalStateException` with the same text.
public final class Linux {
  /// Open for reading only.
  public static final int O_RDONLY = 0;

  /// Open for reading and writing.
  public static final int O_RDWR = 2;

  /// Create the file if it is not there.
  public static final int O_CREAT = 0x40;

  /// With [#O_CREAT]: fail if the file is there.
  public static final int O_EXCL = 0x80;

  /// Cut the file to nothing.
  public static final int O_TRUNC = 0x200;

  /// A child process does not inherit the descriptor.
  public static final int O_CLOEXEC = 0x80000;

  private static final boolean ARM = System.getProperty("os.arch", "").equals("aarch64");

  /// Fail if the last part of the path is a symbolic link.
  public static final int O_NOFOLLOW = ARM ? 0x8000 : 0x20000;

  /// Bypass the kernel's page cache; addresses, lengths and offsets must be aligned.
  public static final int O_DIRECT = ARM ? 0x10000 : 0x4000;

  /// The most buffers that one vectored call takes (`IOV_MAX`).
  public static final int MAX_IOVECS = 1024;

  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_PRIVATE_ANONYMOUS_NORESERVE = 0x2 | 0x20 | 0x4000;
  private static final int MADV_DONTNEED = 4;
  private static final int MADV_HUGEPAGE = 14;
  private static final int MADV_NOHUGEPAGE = 15;
  private static final long SYS_MBIND = ARM ? 235 : 237;
  private static final int MPOL_PREFERRED = 1;
  private static final int MPOL_BIND = 2;
  private static final int LOCK_EXCLUSIVE_NOW = 2 | 4;
  private static final int AT_FDCWD = -100;
  private static final int AT_SYMLINK_NOFOLLOW = 0x100;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final long SYS_MEMBARRIER = ARM ? 283 : 324;
  private static final int MEMBARRIER_PRIVATE_EXPEDITED = 1 << 3;
  private static final int MEMBARRIER_REGISTER_PRIVATE_EXPEDITED = 1 << 4;
  private static final int FALLBACK_PAGE_SIZE = 4096;

  private static final String OBSTACLE = findObstacle();
  private static final boolean AVAILABLE = OBSTACLE.isEmpty();
  private static final int PAGE_SIZE = AVAILABLE ? askPageSize() : FALLBACK_PAGE_SIZE;
  private static final int PROCESSORS = Runtime.getRuntime().availableProcessors();

  private Linux() {}

  /// Whether native calls work here: a 64-bit Linux that we know, every function found, and native
  /// access not denied to this module. Never throws.
  public static boolean available() {
    return AVAILABLE;
  }

  /// Why [#available()] is false, as a clause for a message; empty if it is true.
  public static String obstacle() {
    return OBSTACLE;
  }

  /// The size of the kernel's own pages in bytes; 4096 where it cannot be asked.
  public static int pageSize() {
    return PAGE_SIZE;
  }

  // ---- memory ----

  /// Reserves address space, zeroed, that takes memory only where it is touched. Returns its
  /// address, aligned to [#pageSize()].
  public static long reserve(long bytes) {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      long address =
          (long)
              Libc.MMAP.invokeExact(
                  capture, 0L, bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_NORESERVE, -1, 0L);
      if (address == -1) {
        throw failed("reserve " + bytes + " bytes of address space", Libc.errno(capture));
      }
      return address;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Gives address space back; nothing may use it any more.
  public static void release(long address, long bytes) {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      if ((int) Libc.MUNMAP.invokeExact(capture, address, bytes) != 0) {
        throw failed("release " + range(address, bytes), Libc.errno(capture));
      }
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Gives the memory of a range back and keeps its addresses; the range then reads as zeros.
  public static void dontNeed(long address, long bytes) {
    int errno = advise(address, bytes, MADV_DONTNEED);
    if (errno != 0) {
      throw failed("give back the memory of " + range(address, bytes), errno);
    }
  }

  /// Asks for huge pages under a range. A kernel built without them is no error.
  public static void hugePages(long address, long bytes) {
    adviseHugePages(address, bytes, MADV_HUGEPAGE);
  }

  /// Asks for no huge pages under a range. A kernel built without them is no error.
  public static void noHugePages(long address, long bytes) {
    adviseHugePages(address, bytes, MADV_NOHUGEPAGE);
  }

  private static void adviseHugePages(long address, long bytes, int advice) {
    int errno = advise(address, bytes, advice);
    if (errno != 0 && errno != Errno.EINVAL) {
      throw failed("choose huge pages for " + range(address, bytes), errno);
    }
  }

  private static int advise(long address, long bytes, int advice) {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      int result = (int) Libc.MADVISE.invokeExact(capture, address, bytes, advice);
      return result == 0 ? 0 : Libc.errno(capture);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Lets the memory of a range come from one memory node, from the next touch on (`mbind`).
  ///
  /// @param address a multiple of [#pageSize()]
  /// @param node the kernel's number of the node
  /// @param strictly whether memory of another node is no choice when that one has none left: then
  ///   the kernel may end the process
  /// @return false if the kernel has no such call, or does not let this process make it
  /// @throws IllegalStateException if it refuses the node or the range
  public static boolean bindToNode(long address, long bytes, int node, boolean strictly) {
    requireAvailable();
    long policy = strictly ? MPOL_BIND : MPOL_PREFERRED;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      MemorySegment mask = arena.allocate(ValueLayout.JAVA_LONG, node / Long.SIZE + 1L);
      mask.setAtIndex(ValueLayout.JAVA_LONG, node / Long.SIZE, 1L << (node % Long.SIZE));
      long bits = mask.byteSize() * Byte.SIZE + 1; // the kernel looks at one bit less
      long result =
          (long)
              Libc.SYSCALL_6.invokeExact(
                  capture, SYS_MBIND, address, bytes, policy, mask, bits, 0L);
      int errno = result == 0 ? 0 : Libc.errno(capture);
      if (errno != 0 && errno != Errno.ENOSYS && errno != Errno.EPERM) {
        throw failed("bind " + range(address, bytes) + " to memory node " + node, errno);
      }
      return errno == 0;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  // ---- processors ----

  /// Registers this process for [#membarrier()]; false if the kernel lacks it, or without native
  /// access. Once is enough, more does no harm.
  public static boolean registerMembarrier() {
    return AVAILABLE && membarrier(MEMBARRIER_REGISTER_PRIVATE_EXPEDITED) == 0;
  }

  /// Makes every running thread of this process pass a full memory barrier before this returns.
  /// Needs [#registerMembarrier()] to have returned true.
  public static void membarrier() {
    requireAvailable();
    if (membarrier(MEMBARRIER_PRIVATE_EXPEDITED) != 0) {
      throw new IllegalStateException("membarrier failed: the process is not registered for it");
    }
  }

  private static long membarrier(int command) {
    try {
      return (long) Libc.SYSCALL_3.invokeExact(SYS_MEMBARRIER, command, 0, 0);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Gives the processor to another thread of the system, if one waits for it. Unlike
  /// `Thread.yield` it never unmounts a virtual thread. Without native access it only hints.
  public static void schedYield() {
    if (!AVAILABLE) {
      Thread.onSpinWait();
      return;
    }
    try {
      int _ = (int) Libc.SCHED_YIELD.invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// The processor that the calling thread runs on, stale at once. Without native access it is a
  /// number below the count of processors that stays the same for one thread.
  public static int currentCpu() {
    if (!AVAILABLE) {
      return (int) (Thread.currentThread().threadId() % PROCESSORS);
    }
    try {
      return (int) Libc.SCHED_GETCPU.invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  // ---- files ----

  /// Opens a file and returns its descriptor. `mode` counts only if the file is created.
  public static int open(Path path, int flags, int mode) throws IOException {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      MemorySegment name = nameOf(path, arena);
      int errno;
      do {
        int fd = (int) Libc.OPEN.invokeExact(capture, name, flags, mode);
        if (fd >= 0) {
          return fd;
        }
        errno = Libc.errno(capture);
      } while (errno == Errno.EINTR);
      throw fileFailed(path, errno);
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Closes a descriptor. Only a descriptor that is not open is an error: after any other the
  /// descriptor is closed too.
  public static void close(int fd) {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      if ((int) Libc.CLOSE.invokeExact(capture, fd) != 0 && Libc.errno(capture) == Errno.EBADF) {
        throw failed("close descriptor " + fd, Errno.EBADF);
      }
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Removes a name from its directory. The file lives on while it is open.
  public static void unlink(Path path) throws IOException {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      if ((int) Libc.UNLINK.invokeExact(capture, nameOf(path, arena)) != 0) {
        throw fileFailed(path, Libc.errno(capture));
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Takes the lock of an open file (`flock`) without waiting; false if another open file
  /// description has it. It goes with the descriptor, also when the process is killed.
  public static boolean tryLockExclusive(int fd) {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      if ((int) Libc.FLOCK.invokeExact(capture, fd, LOCK_EXCLUSIVE_NOW) == 0) {
        return true;
      }
      int errno = Libc.errno(capture);
      if (errno == Errno.EAGAIN) {
        return false;
      }
      throw failed("lock descriptor " + fd, errno);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Makes a file at least `bytes` long with disk space behind every byte, so that a later write
  /// cannot fail for want of it. A file system that cannot promise that only gets the length.
  public static void allocate(int fd, long bytes) throws IOException {
    requireAvailable();
    int errno;
    do {
      errno = posixFallocate(fd, bytes);
    } while (errno == Errno.EINTR);
    if (errno == Errno.EOPNOTSUPP || errno == Errno.ENOSYS || errno == Errno.EINVAL) {
      if (status(fd).size() < bytes) {
        truncate(fd, bytes);
      }
    } else if (errno != 0) {
      throw new IOException("cannot allocate " + bytes + " bytes: " + Errno.describe(errno));
    }
  }

  private static int posixFallocate(int fd, long bytes) {
    try {
      return (int) Libc.POSIX_FALLOCATE.invokeExact(fd, 0L, bytes);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Sets the length of a file.
  public static void truncate(int fd, long bytes) throws IOException {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      while ((int) Libc.FTRUNCATE.invokeExact(capture, fd, bytes) != 0) {
        checkRetry("set the length to " + bytes + " bytes", capture);
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// What the kernel knows of an open file.
  public static FileStatus status(int fd) throws IOException {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      return status(arena, fd, arena.allocate(1), AT_EMPTY_PATH, Path.of("descriptor " + fd));
    }
  }

  /// What the kernel knows of the file of that name; a symbolic link is not followed.
  public static FileStatus status(Path path) throws IOException {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      return status(arena, AT_FDCWD, nameOf(path, arena), AT_SYMLINK_NOFOLLOW, path);
    }
  }

  private static FileStatus status(
      Arena arena, int directory, MemorySegment name, int flags, Path shown) throws IOException {
    MemorySegment capture = Libc.capture(arena);
    MemorySegment statx = arena.allocate(FileStatus.BYTES, Long.BYTES);
    int result;
    try {
      result =
          (int)
              Libc.STATX.invokeExact(
                  capture, directory, name, flags, FileStatus.BASIC_STATS, statx);
    } catch (Throwable e) {
      throw unexpected(e);
    }
    if (result != 0) {
      throw fileFailed(shown, Libc.errno(capture));
    }
    return FileStatus.decode(statx);
  }

  /// Makes what was written, and the length, durable (`fdatasync`).
  public static void sync(int fd) throws IOException {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      while ((int) Libc.FDATASYNC.invokeExact(capture, fd) != 0) {
        checkRetry("sync", capture);
      }
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Reads into memory. Returns the bytes read: fewer than asked for at times, 0 past the end.
  public static long pread(int fd, long address, long bytes, long offset) throws IOException {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      long done;
      while ((done = (long) Libc.PREAD.invokeExact(capture, fd, address, bytes, offset)) < 0) {
        checkRetry("read " + bytes + " bytes at " + offset, capture);
      }
      return done;
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Writes from memory. Returns the bytes written: fewer than asked for at times.
  public static long pwrite(int fd, long address, long bytes, long offset) throws IOException {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      long done;
      while ((done = (long) Libc.PWRITE.invokeExact(capture, fd, address, bytes, offset)) < 0) {
        checkRetry("write " + bytes + " bytes at " + offset, capture);
      }
      return done;
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Reads into several buffers at once. `iovecs` is native memory: `count` pairs of two longs,
  /// address and length, at most [#MAX_IOVECS]. Returns the bytes read, as [#pread] does.
  public static long preadv(int fd, MemorySegment iovecs, int count, long offset)
      throws IOException {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      long done;
      while ((done = (long) Libc.PREADV.invokeExact(capture, fd, iovecs, count, offset)) < 0) {
        checkRetry("read " + count + " buffers at " + offset, capture);
      }
      return done;
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /// Writes several buffers at once, given as for [#preadv]. Returns the bytes written.
  public static long pwritev(int fd, MemorySegment iovecs, int count, long offset)
      throws IOException {
    requireAvailable();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment capture = Libc.capture(arena);
      long done;
      while ((done = (long) Libc.PWRITEV.invokeExact(capture, fd, iovecs, count, offset)) < 0) {
        checkRetry("write " + count + " buffers at " + offset, capture);
      }
      return done;
    } catch (IOException e) {
      throw e;
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  // ---- beneath ----

  private static String findObstacle() {
    String system = System.getProperty("os.name", "");
    String machine = System.getProperty("os.arch", "");
    if (!system.equals("Linux")) {
      return "the system is " + system + ", not Linux";
    }
    if (!machine.equals("amd64") && !ARM) {
      return "the machine is " + machine + ", not amd64 or aarch64";
    }
    try {
      Libc.bindAll();
      return "";
    } catch (LinkageError e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      return "native access is not possible: " + cause.getMessage();
    }
  }

  private static int askPageSize() {
    try {
      return (int) Libc.GETPAGESIZE.invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  private static void requireAvailable() {
    if (!AVAILABLE) {
      throw new UnsupportedOperationException("no native calls: " + OBSTACLE);
    }
  }

  /// The path as the kernel wants it: bytes in the encoding of file names, ended by a zero.
  private static MemorySegment nameOf(Path path, Arena arena) {
    if (!path.getFileSystem().equals(FileSystems.getDefault())) {
      throw new IllegalArgumentException(path + " is not on the default file system");
    }
    Charset charset = Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));
    byte[] bytes = path.toString().getBytes(charset);
    MemorySegment name = arena.allocate(bytes.length + 1L);
    MemorySegment.copy(bytes, 0, name, ValueLayout.JAVA_BYTE, 0, bytes.length);
    return name;
  }

  /// Returns if the call that failed was only interrupted and should be made again.
  private static void checkRetry(String what, MemorySegment capture) throws IOException {
    int errno = Libc.errno(capture);
    if (errno != Errno.EINTR) {
      throw transferFailed(what, errno);
    }
  }

  private static IOException transferFailed(String what, int errno) {
    return new IOException("cannot " + what + ": " + Errno.describe(errno));
  }

  private static IOException fileFailed(Path path, int errno) {
    String file = path.toString();
    String reason = Errno.describe(errno);
    return switch (errno) {
      case Errno.EEXIST -> new FileAlreadyExistsException(file, null, reason);
      case Errno.ENOENT -> new NoSuchFileException(file, null, reason);
      case Errno.EACCES, Errno.EPERM -> new AccessDeniedException(file, null, reason);
      default -> new FileSystemException(file, null, reason);
    };
  }

  private static IllegalStateException failed(String what, int errno) {
    return new IllegalStateException("cannot " + what + ": " + Errno.describe(errno));
  }

  private static String range(long address, long bytes) {
    return bytes + " bytes at 0x" + Long.toHexString(address);
  }

  /// What a handle threw: our own exceptions and errors pass, anything else cannot happen.
  private static RuntimeException unexpected(Throwable e) {
    if (e instanceof RuntimeException exception) {
      throw exception;
    }
    if (e instanceof Error error) {
      throw error;
    }
    throw new AssertionError("a native call threw", e);
  }
}
