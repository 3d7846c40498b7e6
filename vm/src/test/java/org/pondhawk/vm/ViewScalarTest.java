package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/// Every type in both byte orders at every kind of address, against a ByteBuffer.
@ParameterizedClass(name = "{0}")
@EnumSource(value = PageTables.class, names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
class ViewScalarTest {
  private static final int OPERATIONS = 30_000;

  private final PageTables tables;

  ViewScalarTest(PageTables tables) {
    this.tables = tables;
  }

  @ParameterizedTest(name = "pages of {0}, seed {1}")
  @CsvSource({"4096, 1", "4096, 2", "65536, 3", "4096, 0"})
  void agreesWithABufferUnderMemoryPressure(int pageSize, long fixedSeed) {
    long seed = fixedSeed == 0 ? System.nanoTime() : fixedSeed;
    Random random = new Random(seed);
    try (ViewFixture fixture = new ViewFixture(pageSize, tables)) {
      long base = fixture.mapTwiceTheMemory();
      ByteBuffer model = ByteBuffer.allocate((int) (2 * fixture.frameBytes()));
      for (int i = 0; i < OPERATIONS; i++) {
        int offset = anOffset(random, model.capacity() - Long.BYTES, pageSize);
        String what = "seed %d, operation %d at offset 0x%x".formatted(seed, i, offset);
        model.order(random.nextBoolean() ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN);
        step(random.nextInt(14), fixture.view, base + offset, model, offset, random, what);
      }
      assertThat(fixture.vm.statistics().pagesIn()).as("pages came back").isPositive();
    }
  }

  /// Half of all offsets lie close to the end of a page, on either side.
  private static int anOffset(Random random, int bound, int pageSize) {
    int anywhere = random.nextInt(bound);
    int nearAnEnd = (anywhere | (pageSize - 1)) + random.nextInt(-10, 4);
    return random.nextBoolean() ? anywhere : Math.min(nearAnEnd, bound);
  }

  private static void step(
      int kind, View view, long at, ByteBuffer model, int offset, Random random, String what) {
    ByteOrder order = model.order();
    long value = random.nextLong();
    switch (kind) {
      case 0 -> assertThat(view.getByte(at)).as(what).isEqualTo(model.get(offset));
      case 1 -> assertThat(view.getShort(at, order)).as(what).isEqualTo(model.getShort(offset));
      case 2 -> assertThat(view.getChar(at, order)).as(what).isEqualTo(model.getChar(offset));
      case 3 -> assertThat(view.getInt(at, order)).as(what).isEqualTo(model.getInt(offset));
      case 4 -> assertThat(view.getLong(at, order)).as(what).isEqualTo(model.getLong(offset));
      case 5 ->
          assertThat(Float.floatToRawIntBits(view.getFloat(at, order)))
              .as(what)
              .isEqualTo(model.getInt(offset));
      case 6 ->
          assertThat(Double.doubleToRawLongBits(view.getDouble(at, order)))
              .as(what)
              .isEqualTo(model.getLong(offset));
      case 7 -> {
        view.putByte(at, (byte) value);
        model.put(offset, (byte) value);
      }
      case 8 -> {
        view.putShort(at, (short) value, order);
        model.putShort(offset, (short) value);
      }
      case 9 -> {
        view.putChar(at, (char) value, order);
        model.putChar(offset, (char) value);
      }
      case 10 -> {
        view.putInt(at, (int) value, order);
        model.putInt(offset, (int) value);
      }
      case 11 -> {
        view.putLong(at, value, order);
        model.putLong(offset, value);
      }
      case 12 -> {
        view.putFloat(at, (float) value, order);
        model.putFloat(offset, (float) value);
      }
      default -> {
        view.putDouble(at, (double) value, order);
        model.putDouble(offset, (double) value);
      }
    }
  }

  @Test
  void theOrderOfTheProcessorIsTheDefault() {
    ByteOrder order = ByteOrder.nativeOrder();
    try (ViewFixture fixture = new ViewFixture(4096, tables)) {
      View view = fixture.view;
      long base = fixture.mapTwiceTheMemory();
      for (long at : new long[] {base, base + 4093}) {
        view.putLong(at, 0x0102_0304_0506_0708L);

        assertThat(view.getLong(at, order)).isEqualTo(0x0102_0304_0506_0708L);
        assertThat(view.getInt(at)).isEqualTo(view.getInt(at, order));
        assertThat(view.getShort(at)).isEqualTo(view.getShort(at, order));
        assertThat(view.getChar(at)).isEqualTo(view.getChar(at, order));
        view.putInt(at, 0x0a0b_0c0d);
        assertThat(view.getInt(at, order)).isEqualTo(0x0a0b_0c0d);
        view.putShort(at, (short) 0x1234);
        assertThat(view.getShort(at, order)).isEqualTo((short) 0x1234);
        view.putChar(at, 'π');
        assertThat(view.getChar(at)).isEqualTo('π');
        view.putFloat(at, -1.5f);
        assertThat(view.getFloat(at)).isEqualTo(-1.5f);
        view.putDouble(at, Math.E);
        assertThat(view.getDouble(at)).isEqualTo(Math.E);
      }
    }
  }

  @Test
  void freshMemoryIsZero() {
    try (ViewFixture fixture = new ViewFixture(4096, tables)) {
      long base = fixture.mapTwiceTheMemory();

      assertThat(fixture.view.getLong(base + 4092)).isZero();
      assertThat(fixture.view.getDouble(base)).isZero();
    }
  }
}
