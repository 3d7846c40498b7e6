package org.pondhawk.vm.swap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.Linux;
import org.pondhawk.vm.mem.RawMemory;

class SwapFileTest {
  private static final int PAGE = 4096;
  private static final long MEBIBYTE = 1 << 20;
  private static final int FIRST = SwapSpace.RESERVED;

  @TempDir Path directory;

  @BeforeAll
  static void needsTheKernel() {
    assumeThat(Linux.available()).isTrue();
  }

  @AfterEach
  void nothingIsLeftBehind() throws IOException {
    try (Stream<Path> files = Files.list(directory)) {
      assertThat(files.filter(file -> !file.endsWith("mine"))).isEmpty();
    }
  }

  private Path named() {
    return directory.resolve("swap.img");
  }

  private static long[] addresses(FrameMemory frames, int first, int count) {
    return LongStream.range(first, first + (long) count)
        .map(frame -> frames.address((int) frame))
        .toArray();
  }

  /// Fills each frame with a pattern of its own.
  private static void mark(FrameMemory frames, int count) {
    for (int frame = 0; frame < count; frame++) {
      for (int at = 0; at < frames.pageSize(); at += Long.BYTES) {
        RawMemory.putLong(frames.address(frame) + at, ((long) frame << 32) + at);
      }
    }
  }

  private static void assertSame(FrameMemory frames, int one, int other) {
    assertThat(RawMemory.mismatch(frames.address(one), frames.address(other), frames.pageSize()))
        .as("frame %d and frame %d", one, other)
        .isEqualTo(-1);
  }

  @Nested
  class AnAnonymousFile {
    @Test
    void hasNoNameWhileItIsUsed() throws IOException {
      try (SwapFile swap = SwapFile.create(SwapFileSpec.anonymous(directory, MEBIBYTE, PAGE));
          FrameMemory frames = FrameMemory.reserve(2, PAGE)) {
        assertThat(directory).isEmptyDirectory();
        mark(frames, 1);
        swap.writeRun(FIRST, addresses(frames, 0, 1), 1);
        swap.readRun(FIRST, addresses(frames, 1, 1), 1);
        assertSame(frames, 0, 1);
      }
    }

    @Test
    void passesOverANameThatIsTaken() throws IOException {
      Path taken = directory.resolve("pondhawk-swap-" + ProcessHandle.current().pid() + "-0");
      Files.writeString(taken, "not yours");

      SwapFile.create(SwapFileSpec.anonymous(directory, MEBIBYTE, PAGE)).close();

      assertThat(taken).hasContent("not yours");
      Files.delete(taken);
    }

    @Test
    void needsADirectory() throws IOException {
      Path mine = Files.writeString(directory.resolve("mine"), "a file");
      assertThatThrownBy(() -> SwapFile.create(SwapFileSpec.anonymous(mine, MEBIBYTE, PAGE)))
          .isInstanceOf(FileSystemException.class)
          .hasMessageContaining("ENOTDIR");
      assertThatThrownBy(() ->
              SwapFile.create(SwapFileSpec.anonymous(directory.resolve("no"), MEBIBYTE, PAGE)))
          .isInstanceOf(NoSuchFileException.class);
      assertThat(mine).hasContent("a file");
    }
  }

  @Nested
  class ANamedFile {
    @Test
    void isThereWhileItIsOpenWithAllItsSpace() throws IOException {
      SwapFile swap = SwapFile.create(SwapFileSpec.at(named(), MEBIBYTE, PAGE));

      assertThat(swap.blockCount()).isEqualTo(FIRST + 256);
      assertThat(Files.size(named())).isEqualTo((FIRST + 256) * (long) PAGE);
      assertThat(Linux.status(named()).allocatedBytes())
          .isGreaterThanOrEqualTo((FIRST + 256) * (long) PAGE);
      assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(named())))
          .isEqualTo("rw-------");
      assertThat(Files.readAllBytes(named()))
          .startsWith("PONDSWAP".getBytes(StandardCharsets.UTF_8));

      swap.close();
      assertThat(named()).doesNotExist();
      swap.close();
    }

    @Test
    void thatIsLockedIsRefusedAndLeftToItsOwner() throws IOException {
      try (SwapFile swap = SwapFile.create(SwapFileSpec.at(named(), MEBIBYTE, PAGE))) {
        assertThatThrownBy(() -> SwapFile.create(SwapFileSpec.at(named(), 2 * MEBIBYTE, PAGE)))
            .isInstanceOf(FileSystemException.class)
            .hasMessageContaining("another machine that runs");

        assertThat(Files.size(named())).isEqualTo(swap.spec().fileBytes());
      }
    }

    @ParameterizedTest
    @ValueSource(longs = {MEBIBYTE, 4 * MEBIBYTE})
    void thatAKilledRunLeftIsTakenOver(long leftBytes) throws IOException {
      Path copy = directory.resolve("copy");
      try (SwapFile left = SwapFile.create(SwapFileSpec.at(named(), leftBytes, PAGE))) {
        assertThat(left.blockCount()).isPositive();
        Files.copy(named(), copy);
      }
      Files.move(copy, named());

      try (SwapFile swap = SwapFile.create(SwapFileSpec.at(named(), 2 * MEBIBYTE, 2 * PAGE))) {
        assertThat(Files.size(named())).isEqualTo(swap.spec().fileBytes());
      }
      assertThat(named()).doesNotExist();
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "PONDSWAP", "a file of someone who would like to keep it"})
    void thatIsNotOursIsNotTouched(String content) throws IOException {
      Path mine = Files.writeString(directory.resolve("mine"), content);
      var before = Files.getLastModifiedTime(mine);

      assertThatThrownBy(() -> SwapFile.create(SwapFileSpec.at(mine, MEBIBYTE, PAGE)))
          .isInstanceOf(FileSystemException.class)
          .hasMessageContaining("not a swap file of ours; it was not touched");

      assertThat(mine).hasContent(content);
      assertThat(Files.getLastModifiedTime(mine)).isEqualTo(before);
    }

    @Test
    void ofAnotherVersionIsNotTouched() throws IOException {
      byte[] content = new byte[PAGE];
      System.arraycopy("PONDSWAP".getBytes(StandardCharsets.UTF_8), 0, content, 0, 8);
      content[8] = 99;
      Path mine = Files.write(directory.resolve("mine"), content);

      assertThatThrownBy(() -> SwapFile.create(SwapFileSpec.at(mine, MEBIBYTE, PAGE)))
          .hasMessageContaining("not touched");

      assertThat(mine).hasBinaryContent(content);
    }

    @Test
    void thatIsALinkOrADirectoryIsRefused() throws IOException {
      Path mine = Files.writeString(directory.resolve("mine"), "x");
      Path link = Files.createSymbolicLink(directory.resolve("link"), mine);

      assertThatThrownBy(() -> SwapFile.create(SwapFileSpec.at(link, MEBIBYTE, PAGE)))
          .hasMessageContaining("not a regular file");
      assertThatThrownBy(() -> SwapFile.create(SwapFileSpec.at(directory, MEBIBYTE, PAGE)))
          .hasMessageContaining("not a regular file");

      Files.delete(link);
      assertThat(mine).hasContent("x");
    }

    @Test
    void inAPlaceThatCannotBeIsRefused() throws IOException {
      Path mine = Files.writeString(directory.resolve("mine"), "a file");
      Path below = mine.resolve("swap.img");
      Path nowhere = directory.resolve("no").resolve("swap.img");

      assertThatThrownBy(() -> SwapFile.create(SwapFileSpec.at(below, MEBIBYTE, PAGE)))
          .isInstanceOf(FileSystemException.class);
      assertThatThrownBy(() -> SwapFile.create(SwapFileSpec.at(nowhere, MEBIBYTE, PAGE)))
          .isInstanceOf(NoSuchFileException.class);
    }

    @Test
    void thatWasReplacedMeanwhileIsNotRemoved() throws IOException {
      SwapFile swap = SwapFile.create(SwapFileSpec.at(named(), MEBIBYTE, PAGE));
      Files.delete(named());
      Files.writeString(named(), "another's");

      swap.close();

      assertThat(named()).hasContent("another's");
      Files.delete(named());
    }
  }

  @Nested
  class TooLarge {
    @Test
    void forTheDiskIsSaidBeforeAnythingIsWritten() throws IOException {
      long free = Files.getFileStore(directory).getUsableSpace();
      long bytes = Math.min(free + (64L << 20) & -MEBIBYTE, 1L << 42);
      assumeThat(bytes).isGreaterThan(free);

      for (SwapFileSpec spec :
          new SwapFileSpec[] {
            SwapFileSpec.at(named(), bytes, PAGE), SwapFileSpec.anonymous(directory, bytes, PAGE)
          }) {
        assertThatThrownBy(() -> SwapFile.create(spec))
            .isInstanceOf(FileSystemException.class)
            .hasMessageContaining("swap of " + bytes + " bytes needs " + spec.fileBytes())
            .hasMessageContaining("are free in " + directory);
      }
    }

    @Test
    void orTooSmallForAnyBlockNumberIsAWrongArgument() {
      assertThatThrownBy(() -> SwapFileSpec.at(named(), 64 * PAGE - 1, PAGE))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("the least is 262144");
      assertThatThrownBy(() -> SwapFileSpec.at(named(), Long.MAX_VALUE, PAGE))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("too large");
      assertThatThrownBy(() -> SwapFileSpec.at(named(), MEBIBYTE, 5000))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("pageSize=5000");
    }
  }

  @Nested
  class Transfers {
    @ParameterizedTest
    @ValueSource(ints = {1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16})
    void bringBackEveryByteInAnyOrderOfFrames(int pageSize) throws IOException {
      int count = 40;
      try (SwapFile swap =
              SwapFile.create(SwapFileSpec.anonymous(directory, 128L * pageSize, pageSize));
          FrameMemory frames = FrameMemory.reserve(2 * count, pageSize)) {
        mark(frames, count);
        long[] scattered = addresses(frames, 0, count);
        for (int i = 0; i < count / 2; i += 2) { // neither ascending nor adjacent
          long swapped = scattered[i];
          scattered[i] = scattered[count - 1 - i];
          scattered[count - 1 - i] = swapped;
        }

        swap.writeRun(swap.blockCount() - count, scattered, count);
        swap.readRun(swap.blockCount() - count, addresses(frames, count, count), count);

        for (int i = 0; i < count; i++) {
          assertSame(frames, frames.frameOf(scattered[i]), count + i);
        }
      }
    }

    @Test
    void ofMoreFramesThanOneRequestTakesGoOn() throws IOException {
      int count = 2 * Linux.MAX_IOVECS + 7;
      try (SwapFile swap = SwapFile.create(SwapFileSpec.anonymous(directory, 16 * MEBIBYTE, PAGE));
          FrameMemory frames = FrameMemory.reserve(2 * count, PAGE)) {
        mark(frames, count);

        swap.writeRun(FIRST, addresses(frames, 0, count), count);
        swap.readRun(FIRST, addresses(frames, count, count), count);

        IntStream.range(0, count).forEach(i -> assertSame(frames, i, count + i));
      }
    }

    @Test
    void workPastThePageCacheWhereTheDiskAllowsIt() throws IOException {
      SwapFileSpec spec = SwapFileSpec.anonymous(directory, MEBIBYTE, PAGE).withDirectIo();
      try (SwapFile swap = SwapFile.create(spec);
          FrameMemory frames = FrameMemory.reserve(8, PAGE)) {
        mark(frames, 4);
        swap.writeRun(FIRST, addresses(frames, 0, 4), 4);
        swap.readRun(FIRST, addresses(frames, 4, 4), 4);
        IntStream.range(0, 4).forEach(i -> assertSame(frames, i, 4 + i));
      } catch (FileSystemException e) {
        assumeThat(e).hasMessageNotContaining("EINVAL");
        throw e;
      }
    }

    @Test
    void areNotDisturbedByAnInterrupt() throws IOException {
      try (SwapFile swap = SwapFile.create(SwapFileSpec.anonymous(directory, MEBIBYTE, PAGE));
          FrameMemory frames = FrameMemory.reserve(2, PAGE)) {
        mark(frames, 1);
        Thread.currentThread().interrupt();

        swap.writeRun(FIRST, addresses(frames, 0, 1), 1);
        swap.readRun(FIRST, addresses(frames, 1, 1), 1);

        assertThat(Thread.interrupted()).as("the interrupt is still pending").isTrue();
        assertSame(frames, 0, 1);
      }
    }

    @Test
    void outsideTheDataAreRefused() throws IOException {
      try (SwapFile swap = SwapFile.create(SwapFileSpec.anonymous(directory, MEBIBYTE, PAGE));
          FrameMemory frames = FrameMemory.reserve(2, PAGE)) {
        long[] two = addresses(frames, 0, 2);
        for (int block : new int[] {-1, 0, FIRST - 1, swap.blockCount() - 1, Integer.MAX_VALUE}) {
          assertThatThrownBy(() -> swap.readRun(block, two, 2))
              .isInstanceOf(IllegalArgumentException.class)
              .hasMessageContaining("blocks 64..319");
        }
        assertThatThrownBy(() -> swap.writeRun(FIRST, two, 3))
            .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> swap.writeRun(FIRST, two, 0))
            .isInstanceOf(IllegalArgumentException.class);
      }
    }

    @Test
    void thatFailNameTheBlocksAndTheCause() throws IOException {
      try (SwapFile swap = SwapFile.create(SwapFileSpec.at(named(), MEBIBYTE, PAGE));
          FrameMemory frames = FrameMemory.reserve(2, PAGE)) {
        Files.write(named(), new byte[FIRST * PAGE + PAGE + 100]); // cut by someone else

        assertThatThrownBy(() -> swap.readRun(FIRST, addresses(frames, 0, 2), 2))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("read of swap blocks 64..65 of " + named())
            .hasMessageContaining("the file ends")
            .hasCauseInstanceOf(IOException.class);
      }
    }

    @Test
    void afterTheCloseFail() throws IOException {
      SwapFile swap = SwapFile.create(SwapFileSpec.at(named(), MEBIBYTE, PAGE));
      swap.close();
      try (FrameMemory frames = FrameMemory.reserve(1, PAGE)) {
        assertThatThrownBy(() -> swap.readRun(FIRST, addresses(frames, 0, 1), 1))
            .isInstanceOf(IOException.class)
            .hasMessageContaining("closed");
      }
    }

    @Test
    void underWayAtACloseEndWellOrSayThatItIsClosed() throws Exception {
      SwapFile swap = SwapFile.create(SwapFileSpec.at(named(), MEBIBYTE, PAGE));
      try (FrameMemory frames = FrameMemory.reserve(16, PAGE);
          ExecutorService threads = Executors.newFixedThreadPool(2)) {
        CountDownLatch running = new CountDownLatch(2);
        Future<IOException> one = threads.submit(() -> readUntilItFails(swap, frames, running));
        Future<IOException> two = threads.submit(() -> readUntilItFails(swap, frames, running));
        running.await();

        swap.close();

        assertThat(named()).doesNotExist();
        assertThat(one.get()).hasMessageContaining("closed");
        assertThat(two.get()).hasMessageContaining("closed");
      }
    }

    private static IOException readUntilItFails(
        SwapFile swap, FrameMemory frames, CountDownLatch running) {
      try {
        while (true) {
          swap.readRun(FIRST, addresses(frames, 0, 16), 16);
          running.countDown();
        }
      } catch (IOException e) {
        return e;
      }
    }
  }
}
