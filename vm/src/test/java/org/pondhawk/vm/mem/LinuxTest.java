package org.pondhawk.vm.mem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LinuxTest {
  private static final int CREATE = Linux.O_RDWR | Linux.O_CREAT | Linux.O_EXCL | Linux.O_CLOEXEC;

  @TempDir Path directory;

  @BeforeAll
  static void needsTheKernel() {
    Assumptions.assumeTrue(Linux.available(), Linux::obstacle);
  }

  @Nested
  class Memory {
    @Test
    void isZeroedAndGivenBackWithoutItsAddress() {
      long bytes = 4L * Linux.pageSize();
      long address = Linux.reserve(bytes);
      assertThat(address % Linux.pageSize()).isZero();
      Linux.noHugePages(address, bytes);
      Linux.hugePages(address, bytes);
      RawMemory.fill(address, bytes, (byte) 1);

      Linux.dontNeed(address, bytes);

      assertThat(RawMemory.allBytesAre(address, bytes, (byte) 0)).isTrue();
      Linux.release(address, bytes);
    }

    @Test
    void thatCannotBeHadIsRefusedByName() {
      assertThatThrownBy(() -> Linux.reserve(1L << 60))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("ENOMEM")
          .hasMessageContaining(Long.toString(1L << 60));
    }

    @Test
    void thatIsNotOursIsNoAdvice() {
      assertThatThrownBy(() -> Linux.dontNeed(1, 4096))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("EINVAL");
    }
  }

  /// On whatever computer this runs: node 0 is always there, node 999 never.
  @Nested
  class MemoryNodes {
    private static final int NO_SUCH_NODE = 999;
    private final long bytes = 8L * Linux.pageSize();

    /// What the kernel says of the policy of a range, if it says so at all.
    private static String policyOf(long address) throws IOException {
      Path maps = Path.of("/proc/self/numa_maps");
      Assumptions.assumeTrue(Files.exists(maps), "a kernel without memory nodes");
      String start = "%08x ".formatted(address);
      return Files.readAllLines(maps).stream()
          .filter(line -> line.startsWith(start))
          .findFirst()
          .orElse("");
    }

    @Test
    void areWhereTheMemoryOfARangeComesFrom() throws IOException {
      long address = Linux.reserve(3 * bytes);
      try {
        long middle = address + bytes; // has neighbours on both sides, to which it must not spread
        Assumptions.assumeTrue(
            Linux.bindToNode(middle, bytes, 0, false), "the kernel does not let us");
        RawMemory.fill(address, 3 * bytes, (byte) 1);
        assertThat(policyOf(middle)).contains("prefer");
        assertThat(policyOf(middle + bytes)).contains("default");

        assertThat(Linux.bindToNode(middle, bytes, 0, true)).isTrue();
        assertThat(policyOf(middle)).contains("bind:0");
      } finally {
        Linux.release(address, 3 * bytes);
      }
    }

    @Test
    void thatDoNotExistAreRefusedByName() {
      long address = Linux.reserve(bytes);
      try {
        Assumptions.assumeTrue(
            Linux.bindToNode(address, bytes, 0, false), "the kernel does not let us");
        assertThatThrownBy(() -> Linux.bindToNode(address, bytes, NO_SUCH_NODE, false))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageContaining("cannot bind " + bytes + " bytes at 0x")
            .hasMessageContaining("memory node 999: EINVAL, invalid argument");
      } finally {
        Linux.release(address, bytes);
      }
    }
  }

  @Nested
  class Processors {
    @Test
    void areNumberedFromZero() {
      assertThat(Linux.currentCpu()).isBetween(0, 1 << 16);
    }

    @Test
    void areYieldedAndFenced() {
      Linux.schedYield();
      Assumptions.assumeTrue(Linux.registerMembarrier());
      Linux.membarrier();
    }
  }

  @Nested
  class AFile {
    @Test
    void isCreatedOnceForItsOwnerOnly() throws IOException {
      Path file = directory.resolve("file");
      Linux.close(Linux.open(file, CREATE, 0600));

      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
          .isEqualTo("rw-------");
      assertThatThrownBy(() -> Linux.open(file, CREATE, 0600))
          .isInstanceOf(FileAlreadyExistsException.class)
          .hasMessageContaining(file.toString());
    }

    @Test
    void thatIsNotThereIsNotOpened() {
      Path file = directory.resolve("nothing");
      assertThatThrownBy(() -> Linux.open(file, Linux.O_RDONLY, 0))
          .isInstanceOf(NoSuchFileException.class);
      assertThatThrownBy(() -> Linux.unlink(file)).isInstanceOf(NoSuchFileException.class);
      assertThatThrownBy(() -> Linux.status(file)).isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void behindASymbolicLinkIsNotFollowed() throws IOException {
      Path link = Files.createSymbolicLink(directory.resolve("link"), directory.resolve("file"));
      Files.createFile(directory.resolve("file"));

      assertThatThrownBy(() -> Linux.open(link, Linux.O_RDWR | Linux.O_NOFOLLOW, 0))
          .isInstanceOf(FileSystemException.class)
          .hasMessageContaining("ELOOP");
      assertThat(Linux.status(link).isRegular()).isFalse();
    }

    @Test
    void withAnyNameIsFound() throws IOException {
      Path file = directory.resolve("a file with spaces");
      Linux.close(Linux.open(file, CREATE, 0600));
      assertThat(file).exists();
    }

    @Test
    void hasItsSpaceAllocated() throws IOException {
      int fd = Linux.open(directory.resolve("file"), CREATE, 0600);

      Linux.allocate(fd, 1 << 20);

      assertThat(Linux.status(fd).size()).isEqualTo(1 << 20);
      assertThat(Linux.status(fd).allocatedBytes()).isGreaterThanOrEqualTo(1 << 20);
      Linux.truncate(fd, 100);
      assertThat(Linux.status(fd).size()).isEqualTo(100);
      Linux.sync(fd);
      Linux.close(fd);
    }

    @Test
    void tooLargeForTheSystemIsRefusedWithItsSize() throws IOException {
      int fd = Linux.open(directory.resolve("file"), CREATE, 0600);
      assertThatThrownBy(() -> Linux.allocate(fd, Long.MAX_VALUE))
          .isInstanceOf(IOException.class)
          .hasMessageContaining(Long.toString(Long.MAX_VALUE));
      Linux.close(fd);
    }

    @Test
    void isLockedByOneDescriptorAtATime() throws IOException {
      Path file = directory.resolve("file");
      int first = Linux.open(file, CREATE, 0600);
      int second = Linux.open(file, Linux.O_RDWR, 0);

      assertThat(Linux.tryLockExclusive(first)).isTrue();
      assertThat(Linux.tryLockExclusive(second)).isFalse();
      Linux.close(first);
      assertThat(Linux.tryLockExclusive(second)).isTrue();
      Linux.close(second);
    }

    @Test
    void isTheSameUnderItsNameUntilItIsUnlinked() throws IOException {
      Path file = directory.resolve("file");
      int fd = Linux.open(file, CREATE, 0600);
      assertThat(Linux.status(fd).isSameFile(Linux.status(file))).isTrue();
      assertThat(Linux.status(fd).linkCount()).isEqualTo(1);
      assertThat(Linux.status(fd).inode()).isEqualTo(Files.getAttribute(file, "unix:ino"));

      Linux.unlink(file);

      assertThat(Linux.status(fd).linkCount()).isZero();
      assertThat(file).doesNotExist();
      Linux.close(fd);
    }

    @Test
    void isClosedOnce() throws IOException {
      int fd = Linux.open(directory.resolve("file"), CREATE, 0600);
      Linux.close(fd);
      // Another number than any in use: a second close of fd itself could hit a file of the JVM.
      assertThatThrownBy(() -> Linux.close(-1))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("EBADF");
    }
  }

  @Nested
  class Transfers {
    @Test
    void moveBytesBothWaysAndEndAtTheEnd() throws IOException {
      int fd = Linux.open(directory.resolve("file"), CREATE, 0600);
      try (OwnMemory memory = new OwnMemory()) {
        long from = memory.allocate(4096, "from");
        long to = memory.allocate(4096, "to");
        RawMemory.fill(from, 100, (byte) 7);

        assertThat(Linux.pwrite(fd, from, 100, 10)).isEqualTo(100);
        assertThat(Linux.pread(fd, to, 4096, 10)).as("short at the end").isEqualTo(100);
        assertThat(Linux.pread(fd, to, 1, 110)).isZero();

        assertThat(RawMemory.mismatch(from, to, 4096)).isEqualTo(-1);
      }
      Linux.close(fd);
    }

    @Test
    void moveSeveralBuffersAtOnce() throws IOException {
      int fd = Linux.open(directory.resolve("file"), CREATE, 0600);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, new byte[] {1, 2, 3, 4});
        MemorySegment swapped = iovecs(arena, bytes.address() + 2, 2, bytes.address(), 2);

        assertThat(Linux.pwritev(fd, swapped, 2, 0)).isEqualTo(4);
        assertThat(Linux.preadv(fd, iovecs(arena, bytes.address(), 4, 0, 0), 1, 0)).isEqualTo(4);

        assertThat(bytes.toArray(ValueLayout.JAVA_BYTE)).containsExactly(3, 4, 1, 2);
      }
      Linux.close(fd);
    }

    @Test
    void thatFailSayWhatWasAsked() {
      assertThatThrownBy(() -> Linux.pread(-1, 0, 10, 20))
          .isInstanceOf(IOException.class)
          .hasMessage("cannot read 10 bytes at 20: EBADF, bad file descriptor");
    }

    private static MemorySegment iovecs(Arena arena, long... addressesAndLengths) {
      return arena.allocateFrom(ValueLayout.JAVA_LONG, addressesAndLengths);
    }
  }
}
