package org.pondhawk.vm.mem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class FrameMemoryTest {
  private static final int FRAMES = 40;

  static Stream<Arguments> everyPageSizeInBothWorlds() {
    return IntStream.rangeClosed(12, 16)
        .boxed()
        .flatMap(shift -> Stream.of(true, false).map(own -> Arguments.of(1 << shift, own)));
  }

  private static FrameMemory frames(int pageSize, boolean fromPlatform) {
    return fromPlatform
        ? FrameMemory.reserve(FRAMES, pageSize)
        : FrameMemory.reserveStandIn(FRAMES, pageSize);
  }

  @ParameterizedTest
  @MethodSource("everyPageSizeInBothWorlds")
  void framesAreZeroedAlignedAndKnownByTheirAddress(int pageSize, boolean fromPlatform) {
    try (FrameMemory frames = frames(pageSize, fromPlatform)) {
      assertThat(frames.frameCount()).isEqualTo(FRAMES);
      assertThat(1 << frames.pageShift()).isEqualTo(pageSize).isEqualTo(frames.pageSize());
      for (int frame = 0; frame < FRAMES; frame++) {
        long address = frames.address(frame);
        assertThat(address % pageSize).isZero();
        assertThat(frames.frameOf(address)).isEqualTo(frame);
        assertThat(frames.frameOf(address + pageSize - 1)).isEqualTo(frame);
        assertThat(RawMemory.allBytesAre(address, pageSize, (byte) 0)).isTrue();
      }
    }
  }

  @Test
  void framesOfASimulatedNodeAndThoseOfTheStandInAreNotBound() {
    MemoryNode simulated = new MemoryNode(MemoryNode.NOT_BOUND, 1, 1);
    try (FrameMemory frames = FrameMemory.reserve(FRAMES, 4096)) {
      assertThat(frames.bind(new FrameRange(0, FRAMES, simulated), false)).isFalse();
    }
    try (FrameMemory frames = FrameMemory.reserveStandIn(FRAMES, 4096)) {
      assertThat(frames.bind(new FrameRange(0, FRAMES, new MemoryNode(0, 0, 1)), false)).isFalse();
    }
  }

  @Test
  void framesAreBoundAsARange() {
    MemoryNode first = new MemoryNode(0, 0, 1);
    MemoryNode none = new MemoryNode(999, 1, 1);
    try (FrameMemory frames = FrameMemory.reserve(FRAMES, 4096)) {
      assumeTrue(frames.isNative());
      assumeTrue(frames.bind(new FrameRange(16, 16, first), false), "the kernel does not let us");
      frames.poison(16);
      assertThat(isAll(frames, 16, FrameMemory.POISON)).isTrue();

      assertThatThrownBy(() -> frames.bind(new FrameRange(16, 16, none), true))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("memory node 999");
      assertThatThrownBy(() -> frames.bind(new FrameRange(32, FRAMES, first), false))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @ParameterizedTest
  @MethodSource("everyPageSizeInBothWorlds")
  void changingOneFrameLeavesItsNeighboursAlone(int pageSize, boolean fromPlatform) {
    try (FrameMemory frames = frames(pageSize, fromPlatform)) {
      frames.poison(4);
      frames.poison(5);
      frames.poison(6);

      frames.zero(5);
      assertThat(isAll(frames, 5, (byte) 0)).isTrue();
      frames.poison(5);
      frames.giveBack(5);
      assertThat(isAll(frames, 5, (byte) 0)).isTrue();

      assertThat(isAll(frames, 4, FrameMemory.POISON)).isTrue();
      assertThat(isAll(frames, 6, FrameMemory.POISON)).isTrue();
      assertThat(isAll(frames, 3, (byte) 0)).isTrue();
    }
  }

  @Test
  void memoryComesFromTheKernelWhereItCan() {
    try (FrameMemory frames = FrameMemory.reserve(1, 4096);
        FrameMemory standIn = FrameMemory.reserveStandIn(1, 4096)) {
      assertThat(frames.isNative()).isEqualTo(Linux.available());
      assertThat(standIn.isNative()).isFalse();
    }
  }

  @Test
  void aStandInIsZeroedAgainForItsNextUser() {
    FrameMemory first = FrameMemory.reserveStandIn(2, 4096);
    long address = first.address(0);
    first.poison(0);
    first.poison(1);
    first.close();

    try (FrameMemory second = FrameMemory.reserveStandIn(2, 4096)) {
      assertThat(second.address(0)).as("the lowest range is taken again").isEqualTo(address);
      assertThat(RawMemory.allBytesAre(address, 8192, (byte) 0)).isTrue();
    }
  }

  @Test
  void aStandInThatCannotBeHadNamesWhatIsLeft() {
    assertThatThrownBy(() -> FrameMemory.reserveStandIn(Integer.MAX_VALUE, 1 << 16))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("are free");
  }

  @Test
  void manyFramesTakeNoMemoryBeforeTheyAreTouched() {
    org.junit.jupiter.api.Assumptions.assumeTrue(Linux.available());
    try (FrameMemory frames = FrameMemory.reserve(1 << 28, 4096)) { // 1 TiB
      frames.poison(frames.frameCount() - 1);
      assertThat(isAll(frames, frames.frameCount() - 1, FrameMemory.POISON)).isTrue();
    }
  }

  @Test
  void closingTwiceIsClosingOnce() {
    FrameMemory frames = FrameMemory.reserve(8, 4096);
    frames.close();
    frames.close();
    FrameMemory standIn = FrameMemory.reserveStandIn(8, 4096);
    standIn.close();
    standIn.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, FRAMES, Integer.MAX_VALUE})
  void aFrameThatIsNotThereIsRefused(int frame) {
    try (FrameMemory frames = FrameMemory.reserve(FRAMES, 4096)) {
      assertThatThrownBy(() -> frames.zero(frame)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> frames.poison(frame)).isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> frames.giveBack(frame))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void anAddressOutsideIsNoFrame() {
    try (FrameMemory frames = FrameMemory.reserve(FRAMES, 4096)) {
      long first = frames.address(0);
      assertThat(frames.contains(first - 1)).isFalse();
      assertThat(frames.contains(first + FRAMES * 4096L)).isFalse();
      assertThatThrownBy(() -> frames.frameOf(first - 1))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("none of the 40 frames");
    }
  }

  @ParameterizedTest
  @CsvSource({"0, 4096", "-1, 4096", "1, 0", "1, 2048", "1, 131072", "1, 5000"})
  void aShapeThatCannotBeIsRefused(int frameCount, int pageSize) {
    assertThatThrownBy(() -> FrameMemory.reserve(frameCount, pageSize))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static boolean isAll(FrameMemory frames, int frame, byte value) {
    return RawMemory.allBytesAre(frames.address(frame), frames.pageSize(), value);
  }

  /// Frames 1000 to 1999 of 4096: parts of the huge pages from frame 512 to frame 2047.
  @Test
  void whatIsLeftOutIsUnderNoHugePage() throws IOException {
    try (FrameMemory frames = FrameMemory.reserve(4096, 4096)) {
      frames.leaveOut(1000, 1000);
      if (frames.isNative()) {
        assertThat(flagsOf(frames.address(0))).doesNotContain("nh");
        assertThat(flagsOf(frames.address(511))).doesNotContain("nh");
        assertThat(flagsOf(frames.address(512))).contains("nh");
        assertThat(flagsOf(frames.address(2047))).contains("nh");
        assertThat(flagsOf(frames.address(2048))).doesNotContain("nh");
      }
      frames.poison(999);
      frames.poison(2000);
      assertThat(isAll(frames, 1000, (byte) 0)).isTrue();
      assertThat(isAll(frames, 1999, (byte) 0)).isTrue();
    }
  }

  @Test
  void allButTheFirstAndTheLastMayBeLeftOut() {
    try (FrameMemory frames = FrameMemory.reserve(FRAMES, 4096)) {
      frames.leaveOut(1, FRAMES - 2);
      frames.poison(0);
      frames.poison(FRAMES - 1);
      assertThat(isAll(frames, 1, (byte) 0)).isTrue();
      assertThatThrownBy(() -> frames.leaveOut(FRAMES - 1, 2))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  /// What the kernel says of the mapping that an address lies in.
  private static List<String> flagsOf(long address) throws IOException {
    boolean there = false;
    for (String line : Files.readAllLines(Path.of("/proc/self/smaps"))) {
      Matcher range = Pattern.compile("^([0-9a-f]+)-([0-9a-f]+) .*").matcher(line);
      if (range.matches()) {
        there =
            Long.parseUnsignedLong(range.group(1), 16) <= address
                && address < Long.parseUnsignedLong(range.group(2), 16);
      } else if (there && line.startsWith("VmFlags:")) {
        return List.of(line.substring("VmFlags:".length()).strip().split(" ", -1));
      }
    }
    throw new AssertionError("nothing is mapped at 0x" + Long.toHexString(address));
  }
}
