package org.pondhawk.vm.swap;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.mem.FileStatus;
import org.pondhawk.vm.mem.Linux;

/// The open file behind a [SwapFile], and its name: taken without harm to anyone, and given up.
///
/// ```
///   byte 0          8         12          16
///      ┌───────────┬─────────┬───────────┬────────────────┐
///      │ PONDSWAP  │ version │ page size │ zeros …        │   the first page; the blocks to 63
///      └───────────┴─────────┴───────────┴────────────────┘   hold nothing else
/// ```
///
/// **Contract.** Whoever holds one holds the lock of the file. A file that exists is ours to take
/// only if it starts with our header and nobody has its lock: then a run that was killed left it.
/// Every other file stays as it is, byte for byte.
final class SwapFileName {
  /*
   * How it works. The lock belongs to the open file and so ends with the process, however it ends.
   * Between the open and the lock the former owner may have removed the name; then the file that
   * we locked has no name, or the name is another file, and we begin again.
   */
  private static final byte[] MAGIC = {'P', 'O', 'N', 'D', 'S', 'W', 'A', 'P'};
  private static final int VERSION = 1;
  private static final int VERSION_AT = 8;
  private static final int PAGE_SIZE_AT = 12;
  private static final int HEADER_BYTES = 16;

  /// Enough and aligned for a read past the page cache.
  private static final int DIRECT_BYTES = 4096;

  private static final String IN_USE = "it is the swap file of another machine that runs";

  private static final int OWNER_ONLY = 0600;
  private static final int OPEN = Linux.O_RDWR | Linux.O_CLOEXEC | Linux.O_NOFOLLOW;
  private static final int CREATE = OPEN | Linux.O_CREAT | Linux.O_EXCL;
  private static final int MAX_ATTEMPTS = 1000;

  private final SwapFileSpec spec;
  private final Path file;
  private final int fd;

  private SwapFileName(SwapFileSpec spec, Path file, int fd) {
    this.spec = spec;
    this.file = file;
    this.fd = fd;
  }

  /// Opens and locks the file of a spec, or refuses.
  static SwapFileName take(SwapFileSpec spec) throws IOException {
    return spec.anonymous() ? takeAnonymous(spec) : takeNamed(spec);
  }

  int fd() {
    return fd;
  }

  /// Writes the first page, by which a later run knows the file.
  void writeHeader() throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment page = arena.allocate(spec.pageSize(), spec.pageSize());
      MemorySegment.copy(MAGIC, 0, page, ValueLayout.JAVA_BYTE, 0, MAGIC.length);
      page.set(ValueLayout.JAVA_INT, VERSION_AT, VERSION);
      page.set(ValueLayout.JAVA_INT, PAGE_SIZE_AT, spec.pageSize());
      if (Linux.pwrite(fd, page.address(), page.byteSize(), 0) != page.byteSize()) {
        throw new IOException("the header was written in part");
      }
    }
  }

  /// Removes the name, if it is still that of our file.
  void remove() {
    if (spec.anonymous()) {
      return;
    }
    try {
      if (isNameOf(file, fd)) {
        Linux.unlink(file);
      }
    } catch (IOException e) {
      System.getLogger(SwapFileName.class.getName())
          .log(System.Logger.Level.WARNING, "the swap file " + file + " could not be removed", e);
    }
  }

  private void forgetName() throws IOException {
    try {
      Linux.unlink(file);
    } catch (IOException e) {
      Linux.close(fd);
      throw e;
    }
  }

  private static SwapFileName takeAnonymous(SwapFileSpec spec) throws IOException {
    Path directory = spec.place();
    requireSpace(spec, directory, 0);
    String prefix = "pondhawk-swap-" + ProcessHandle.current().pid() + "-";
    for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      Path file = directory.resolve(prefix + attempt);
      try {
        SwapFileName name =
            new SwapFileName(spec, file, Linux.open(file, CREATE | directFlag(spec), OWNER_ONLY));
        name.forgetName();
        return name;
      } catch (FileAlreadyExistsException e) {
        // left by a process of the same number: take the next name
      }
    }
    throw refused(directory, "there are too many files named " + prefix + "…");
  }

  private static SwapFileName takeNamed(SwapFileSpec spec) throws IOException {
    for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      SwapFileName taken =
          Files.exists(spec.place(), LinkOption.NOFOLLOW_LINKS)
              ? takeExisting(spec)
              : createNamed(spec);
      if (taken != null) {
        return taken;
      }
    }
    throw refused(
        spec.place(), "it stays empty and is not a swap file of ours; it was not touched");
  }

  /// Null if someone else was faster.
  private static @Nullable SwapFileName createNamed(SwapFileSpec spec) throws IOException {
    Path file = spec.place();
    requireSpace(spec, directoryOf(file), 0);
    int fd;
    try {
      fd = Linux.open(file, CREATE | directFlag(spec), OWNER_ONLY);
    } catch (FileAlreadyExistsException e) {
      return null;
    }
    SwapFileName name = new SwapFileName(spec, file, fd);
    if (!Linux.tryLockExclusive(fd)) {
      name.remove();
      Linux.close(fd);
      throw refused(file, IN_USE);
    }
    return name;
  }

  /// Null if the file is just being made, or went away meanwhile.
  private static @Nullable SwapFileName takeExisting(SwapFileSpec spec) throws IOException {
    Path file = spec.place();
    int fd;
    try {
      requireRegular(Linux.status(file), file);
      fd = Linux.open(file, OPEN | directFlag(spec), 0);
    } catch (NoSuchFileException e) {
      return null;
    }
    boolean taken = false;
    try {
      taken = isOursToTake(spec, fd);
      return taken ? new SwapFileName(spec, file, fd) : null;
    } finally {
      if (!taken) {
        Linux.close(fd);
      }
    }
  }

  /// False if another attempt may tell more; refuses what is not ours. Writes nothing.
  private static boolean isOursToTake(SwapFileSpec spec, int fd) throws IOException {
    FileStatus status = Linux.status(fd);
    requireRegular(status, spec.place());
    if (status.size() == 0) {
      Linux.schedYield(); // perhaps made a moment ago, its header not yet written
      return false;
    }
    if (!hasOurHeader(fd)) {
      throw refused(spec.place(), "it exists and is not a swap file of ours; it was not touched");
    }
    if (!Linux.tryLockExclusive(fd)) {
      throw refused(spec.place(), IN_USE);
    }
    if (!isNameOf(spec.place(), fd)) {
      return false;
    }
    requireSpace(spec, directoryOf(spec.place()), status.allocatedBytes());
    return true;
  }

  private static boolean hasOurHeader(int fd) throws IOException {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment page = arena.allocate(DIRECT_BYTES, DIRECT_BYTES);
      if (Linux.pread(fd, page.address(), page.byteSize(), 0) < HEADER_BYTES) {
        return false;
      }
      MemorySegment magic = page.asSlice(0, MAGIC.length);
      return magic.mismatch(MemorySegment.ofArray(MAGIC)) == -1
          && page.get(ValueLayout.JAVA_INT, VERSION_AT) == VERSION;
    }
  }

  private static boolean isNameOf(Path file, int fd) throws IOException {
    try {
      return Linux.status(file).isSameFile(Linux.status(fd));
    } catch (NoSuchFileException e) {
      return false;
    }
  }

  private static void requireRegular(FileStatus status, Path file) throws IOException {
    if (!status.isRegular()) {
      throw refused(file, "it exists and is not a regular file");
    }
  }

  /// Asks the disk first, because filling it up to find out would hurt others.
  private static void requireSpace(SwapFileSpec spec, Path directory, long already)
      throws IOException {
    long free = Files.getFileStore(directory).getUsableSpace();
    if (spec.fileBytes() - already > free) {
      throw refused(
          spec.place(),
          "swap of %d bytes needs %d bytes, %d are free in %s"
              .formatted(spec.dataBytes(), spec.fileBytes() - already, free, directory));
    }
  }

  private static Path directoryOf(Path file) {
    Path parent = file.toAbsolutePath().getParent();
    return parent == null ? file : parent;
  }

  private static int directFlag(SwapFileSpec spec) {
    return spec.direct() ? Linux.O_DIRECT : 0;
  }

  private static FileSystemException refused(Path file, String reason) {
    return new FileSystemException(file.toString(), null, reason);
  }
}
