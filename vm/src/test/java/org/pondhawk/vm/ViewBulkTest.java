package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.pondhawk.vm.error.AccessViolationException;

/// Copies of all kinds, fill, compare and search, against byte arrays.
class ViewBulkTest {
  private static final int MOST_BYTES = 20_000;

  @ParameterizedTest(name = "pages of {0}, seed {1}")
  @CsvSource({"4096, 1", "4096, 2", "16384, 3", "4096, 0"})
  void agreesWithArraysUnderMemoryPressure(int pageSize, long fixedSeed) {
    long seed = fixedSeed == 0 ? System.nanoTime() : fixedSeed;
    try (ViewFixture fixture = new ViewFixture(pageSize)) {
      Model model = new Model(fixture, new Random(seed));
      for (int i = 0; i < 3_000; i++) {
        model.step("seed %d, operation %d".formatted(seed, i));
      }
      model.compareAll();
      model.other.close();
      assertThat(fixture.vm.statistics().pagesIn()).as("pages came back").isPositive();
    }
  }

  /// Two spaces, and what must be in them.
  private static final class Model {
    final View view;
    final View other;
    final long base;
    final long otherBase;
    final byte[] expected;
    final byte[] otherExpected;
    final Random random;

    Model(ViewFixture fixture, Random random) {
      this.view = fixture.view;
      this.base = fixture.mapTwiceTheMemory();
      this.expected = new byte[(int) (2 * fixture.frameBytes())];
      AddressSpace otherSpace = fixture.vm.newAddressSpace();
      this.otherExpected = new byte[(int) fixture.frameBytes() / 2];
      this.otherBase = otherSpace.map(otherExpected.length, Protection.READ_WRITE);
      this.other = otherSpace.view();
      this.random = random;
    }

    void step(String what) {
      int count = random.nextInt(MOST_BYTES / 8 + 1) * (random.nextInt(4) == 0 ? 0 : 1);
      switch (random.nextInt(16)) {
        case 0 -> bytesIn(random.nextInt(MOST_BYTES));
        case 1 -> bytesOut(random.nextInt(MOST_BYTES), what);
        case 2 -> elements(count, Short.BYTES, what);
        case 3 -> elements(count, Integer.BYTES, what);
        case 4 -> elements(count, Long.BYTES, what);
        case 5 -> elements(count, -Integer.BYTES, what);
        case 6 -> elements(count, -Long.BYTES, what);
        case 7 -> segment(random.nextInt(MOST_BYTES), what);
        case 8 -> buffer(random.nextInt(MOST_BYTES), what);
        case 9, 10 -> moveWithin(random.nextInt(MOST_BYTES));
        case 11 -> copyToTheOther(random.nextInt(MOST_BYTES));
        case 12 -> copyFromTheOther(random.nextInt(MOST_BYTES));
        case 13 -> fill(random.nextInt(MOST_BYTES));
        case 14 -> compare(random.nextInt(MOST_BYTES), what);
        default -> search(random.nextInt(MOST_BYTES), what);
      }
    }

    int place(int bytes) {
      return random.nextInt(expected.length - bytes + 1);
    }

    byte[] noise(int bytes) {
      byte[] noise = new byte[bytes];
      random.nextBytes(noise);
      return noise;
    }

    byte[] at(int offset, int bytes) {
      return Arrays.copyOfRange(expected, offset, offset + bytes);
    }

    void bytesIn(int bytes) {
      int offset = place(bytes);
      byte[] noise = noise(bytes + 5);
      view.copyFrom(noise, 3, bytes, base + offset);
      System.arraycopy(noise, 3, expected, offset, bytes);
    }

    void bytesOut(int bytes, String what) {
      int offset = place(bytes);
      byte[] out = new byte[bytes + 5];
      view.copyTo(base + offset, out, 3, bytes);
      assertThat(Arrays.copyOfRange(out, 3, 3 + bytes)).as(what).isEqualTo(at(offset, bytes));
      assertThat(out[2] | out[bytes + 3]).as(what + ": beside").isZero();
    }

    /// Copies an array in and another out; a negative size stands for the floating type.
    void elements(int count, int type, String what) {
      int bytes = count * Math.abs(type);
      int offset = place(bytes);
      ByteBuffer noise = ByteBuffer.wrap(noise(bytes)).order(ByteOrder.nativeOrder());
      noise.get(0, expected, offset, bytes);
      ByteBuffer out = ByteBuffer.allocate(bytes).order(ByteOrder.nativeOrder());
      long address = base + offset;
      switch (type) {
        case Short.BYTES -> {
          short[] array = new short[count + 1];
          noise.asShortBuffer().get(array, 1, count);
          view.copyFrom(array, 1, count, address);
          short[] back = new short[count + 1];
          view.copyTo(address, back, 1, count);
          out.asShortBuffer().put(back, 1, count);
        }
        case Integer.BYTES -> {
          int[] array = new int[count + 1];
          noise.asIntBuffer().get(array, 1, count);
          view.copyFrom(array, 1, count, address);
          int[] back = new int[count + 1];
          view.copyTo(address, back, 1, count);
          out.asIntBuffer().put(back, 1, count);
        }
        case Long.BYTES -> {
          long[] array = new long[count + 1];
          noise.asLongBuffer().get(array, 1, count);
          view.copyFrom(array, 1, count, address);
          long[] back = new long[count + 1];
          view.copyTo(address, back, 1, count);
          out.asLongBuffer().put(back, 1, count);
        }
        case -Integer.BYTES -> {
          float[] array = new float[count + 1];
          noise.asFloatBuffer().get(array, 1, count);
          view.copyFrom(array, 1, count, address);
          float[] back = new float[count + 1];
          view.copyTo(address, back, 1, count);
          out.asFloatBuffer().put(back, 1, count);
        }
        default -> {
          double[] array = new double[count + 1];
          noise.asDoubleBuffer().get(array, 1, count);
          view.copyFrom(array, 1, count, address);
          double[] back = new double[count + 1];
          view.copyTo(address, back, 1, count);
          out.asDoubleBuffer().put(back, 1, count);
        }
      }
      assertThat(out.array()).as(what).isEqualTo(at(offset, bytes));
    }

    void segment(int bytes, String what) {
      int offset = place(bytes);
      byte[] noise = noise(bytes);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment segment =
            random.nextBoolean()
                ? arena.allocate(bytes + 7L)
                : MemorySegment.ofArray(new byte[bytes + 7]);
        MemorySegment.copy(noise, 0, segment, ValueLayout.JAVA_BYTE, 7, bytes);
        view.copyFrom(segment, 7, bytes, base + offset);
        System.arraycopy(noise, 0, expected, offset, bytes);
        segment.fill((byte) 0);
        view.copyTo(base + offset, segment, 7, bytes);
        assertThat(segment.asSlice(7).toArray(ValueLayout.JAVA_BYTE)).as(what).isEqualTo(noise);
        assertThat(view.mismatch(base + offset, segment, 7, bytes)).as(what).isEqualTo(-1);
        if (bytes > 0) {
          int changed = random.nextInt(bytes);
          segment.set(ValueLayout.JAVA_BYTE, 7 + changed, (byte) ~noise[changed]);
          assertThat(view.mismatch(base + offset, segment, 7, bytes)).as(what).isEqualTo(changed);
        }
      }
    }

    void buffer(int bytes, String what) {
      int offset = place(bytes);
      ByteBuffer whole =
          random.nextBoolean()
              ? ByteBuffer.allocate(bytes + 20)
              : ByteBuffer.allocateDirect(bytes + 20);
      ByteBuffer part = whole.slice(5, bytes + 10).position(2).limit(bytes + 2);
      byte[] noise = noise(bytes);
      part.put(2, noise);
      ByteBuffer source = random.nextBoolean() ? part.duplicate() : part.asReadOnlyBuffer();
      view.copyFrom(source, base + offset);
      System.arraycopy(noise, 0, expected, offset, bytes);
      assertThat(source.position()).as(what).isEqualTo(bytes + 2);

      part.put(2, new byte[bytes]);
      view.copyTo(base + offset, part);
      assertThat(part.position()).as(what).isEqualTo(bytes + 2);
      byte[] back = new byte[bytes];
      part.get(2, back);
      assertThat(back).as(what).isEqualTo(noise);
      assertThat(whole.get(6) | whole.get(bytes + 7)).as(what + ": beside").isZero();
    }

    void moveWithin(int bytes) {
      int from = place(bytes);
      int near = Math.clamp(from + random.nextInt(-9000, 9000), 0, expected.length - bytes);
      int to = random.nextInt(4) == 0 ? place(bytes) : near;
      view.copy(base + from, base + to, bytes);
      System.arraycopy(expected, from, expected, to, bytes);
    }

    void copyToTheOther(int bytes) {
      int from = place(bytes);
      int to = random.nextInt(otherExpected.length - bytes + 1);
      view.copy(base + from, other, otherBase + to, bytes);
      System.arraycopy(expected, from, otherExpected, to, bytes);
    }

    void copyFromTheOther(int bytes) {
      int from = random.nextInt(otherExpected.length - bytes + 1);
      int to = place(bytes);
      other.copy(otherBase + from, view, base + to, bytes);
      System.arraycopy(otherExpected, from, expected, to, bytes);
      assertThat(view.mismatch(base + to, other, otherBase + from, bytes)).isEqualTo(-1);
    }

    void fill(int bytes) {
      int offset = place(bytes);
      byte value = (byte) random.nextInt();
      view.fill(base + offset, bytes, value);
      Arrays.fill(expected, offset, offset + bytes, value);
    }

    void compare(int bytes, String what) {
      int a = place(bytes);
      int b = random.nextInt(4) == 0 ? place(bytes) : Math.min(a + 1, expected.length - bytes);
      assertThat(view.mismatch(base + a, base + b, bytes))
          .as(what)
          .isEqualTo(Arrays.mismatch(expected, a, a + bytes, expected, b, b + bytes));
      assertThat(Integer.signum(view.compare(base + a, base + b, bytes)))
          .as(what)
          .isEqualTo(
              Integer.signum(
                  Arrays.compareUnsigned(expected, a, a + bytes, expected, b, b + bytes)));
    }

    void search(int bytes, String what) {
      int offset = place(bytes);
      byte value = (byte) random.nextInt();
      int found = -1;
      for (int i = 0; i < bytes && found < 0; i++) {
        found = expected[offset + i] == value ? i : -1;
      }
      assertThat(view.indexOf(base + offset, bytes, value)).as(what).isEqualTo(found);
    }

    void compareAll() {
      byte[] all = new byte[expected.length];
      view.copyTo(base, all, 0, all.length);
      assertThat(Arrays.mismatch(all, expected)).isEqualTo(-1);
      byte[] theOther = new byte[otherExpected.length];
      other.copyTo(otherBase, theOther, 0, theOther.length);
      assertThat(Arrays.mismatch(theOther, otherExpected)).isEqualTo(-1);
    }
  }

  @Nested
  class AReaderWhosePageIsTakenAway {
    private static final int PAGE = 65536;
    private static final byte OWN = 'a';

    /// The frame is poisoned as soon as it is free, so that is what a reader would be left with.
    @Test
    void isLeftWithNothingOfTheFramesNextUser() throws Exception {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        for (int round = 0; round < 300; round++) {
          long address = fixture.space.map(PAGE, Protection.READ_WRITE);
          fixture.view.fill(address, PAGE, OWN);
          AtomicBoolean reading = new AtomicBoolean();
          Thread unmapper =
              Thread.ofPlatform()
                  .start(() -> {
                    awaitTrue(reading);
                    fixture.space.unmap(address, PAGE);
                  });
          byte[] bytes = new byte[PAGE];

          assertThatThrownBy(() -> readForEver(fixture.view, address, bytes, reading))
              .isInstanceOf(AccessViolationException.class);

          unmapper.join();
          for (byte b : bytes) {
            if (b != OWN && b != 0) {
              throw new AssertionError("round " + round + ": a byte 0x" + Integer.toHexString(b));
            }
          }
        }
      }
    }

    private static void readForEver(View view, long address, byte[] to, AtomicBoolean reading) {
      for (; ; reading.set(true)) {
        view.copyTo(address, to, 0, PAGE);
      }
    }
  }

  private static void awaitTrue(AtomicBoolean flag) {
    while (!flag.get()) {
      Thread.onSpinWait();
    }
  }

  @Nested
  class ASegmentClosedByAnotherThread {
    @Test
    void failsWithItsOwnExceptionAndLeavesTheGuard() throws Exception {
      try (ViewFixture fixture = new ViewFixture(4096)) {
        View view = fixture.view;
        long base = fixture.space.map(1 << 19, Protection.READ_WRITE);
        for (int round = 0; round < 20; round++) {
          Arena arena = Arena.ofShared();
          MemorySegment segment = arena.allocate(1 << 19);
          AtomicBoolean copying = new AtomicBoolean();
          Thread closer = Thread.ofPlatform().start(() -> closeWhile(arena, copying));
          boolean in = round % 2 == 0;

          assertThatThrownBy(() -> copyForEver(view, base, segment, copying, in))
              .isInstanceOf(IllegalStateException.class)
              .hasMessageMatching("(?i).*closed.*");

          boolean _ = Thread.interrupted(); // the JDK may leave whom it stops like this interrupted
          closer.join();
          fixture.check();
          view.putLong(base, round);
          assertThat(view.getLong(base)).isEqualTo(round);
        }
      }
    }

    private static void copyForEver(
        View view, long base, MemorySegment segment, AtomicBoolean copying, boolean in) {
      for (; ; copying.set(true)) {
        if (in) {
          view.copyFrom(segment, 0, segment.byteSize(), base);
        } else {
          view.copyTo(base, segment, 0, segment.byteSize());
        }
      }
    }

    private static void closeWhile(Arena arena, AtomicBoolean copying) {
      awaitTrue(copying);
      arena.close();
    }
  }

  @Test
  void compareTakesBytesAsUnsigned() {
    try (ViewFixture fixture = new ViewFixture(4096)) {
      View view = fixture.view;
      long base = fixture.space.map(1 << 14, Protection.READ_WRITE);
      long other = base + 7000;
      view.putByte(base + 5000, (byte) 0x80);
      view.putByte(other + 5000, (byte) 0x7f);

      assertThat(view.compare(base, other, 5000)).isZero();
      assertThat(view.compare(base, other, 5001)).isPositive();
      assertThat(view.compare(other, base, 5001)).isNegative();
    }
  }
}
