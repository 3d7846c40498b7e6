package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ReadOnlyBufferException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.AccessViolationException;

/// Misuse of a view: a clear exception, and nothing is harmed.
class ViewMisuseTest {
  private static final int PAGE = 4096;
  private static final long RANGE = 1L << 40;
  private static final long SENTINEL = 0x5afe_5afe_5afe_5afeL;

  /// Every access of a view to 16 bytes at most, by name.
  private static final Map<String, BiConsumer<View, Long>> ACCESSES = accesses();

  /// Their names.
  static final Iterable<String> NAMES = ACCESSES.keySet();

  private final ViewFixture fixture = new ViewFixture(PAGE);
  private final View view = fixture.view;
  private final long base = fixture.space.map(3 * PAGE, Protection.READ_WRITE);
  private final byte[] sixteen = new byte[16];

  private static Map<String, BiConsumer<View, Long>> accesses() {
    Map<String, BiConsumer<View, Long>> all = new LinkedHashMap<>();
    byte[] bytes = new byte[16];
    ByteOrder order = ByteOrder.BIG_ENDIAN;
    all.put("getByte", View::getByte);
    all.put("getShort", View::getShort);
    all.put("getChar", (v, a) -> v.getChar(a, order));
    all.put("getInt", View::getInt);
    all.put("getLong", View::getLong);
    all.put("getFloat", View::getFloat);
    all.put("getDouble", (v, a) -> v.getDouble(a, order));
    all.put("putByte", (v, a) -> v.putByte(a, (byte) 1));
    all.put("putShort", (v, a) -> v.putShort(a, (short) 1));
    all.put("putChar", (v, a) -> v.putChar(a, 'a', order));
    all.put("putInt", (v, a) -> v.putInt(a, 1));
    all.put("putLong", (v, a) -> v.putLong(a, 1));
    all.put("putFloat", (v, a) -> v.putFloat(a, 1));
    all.put("putDouble", (v, a) -> v.putDouble(a, 1, order));
    all.put("getLongOpaque", View::getLongOpaque);
    all.put("getLongAcquire", View::getLongAcquire);
    all.put("getLongVolatile", View::getLongVolatile);
    all.put("getIntVolatile", View::getIntVolatile);
    all.put("putLongRelease", (v, a) -> v.putLongRelease(a, 1));
    all.put("putIntVolatile", (v, a) -> v.putIntVolatile(a, 1));
    all.put("compareAndSetLong", (v, a) -> v.compareAndSetLong(a, 0, 1));
    all.put("compareAndExchangeInt", (v, a) -> v.compareAndExchangeInt(a, 0, 1));
    all.put("getAndAddLong", (v, a) -> v.getAndAddLong(a, 1));
    all.put("getAndSetInt", (v, a) -> v.getAndSetInt(a, 1));
    all.put("getAndBitwiseOrLong", (v, a) -> v.getAndBitwiseOrLong(a, 1));
    all.put("copyTo bytes", (v, a) -> v.copyTo(a, bytes, 0, 16));
    all.put("copyTo doubles", (v, a) -> v.copyTo(a, new double[2], 0, 2));
    all.put("copyTo buffer", (v, a) -> v.copyTo(a, ByteBuffer.allocate(16)));
    all.put("copyTo segment", (v, a) -> v.copyTo(a, MemorySegment.ofArray(bytes), 0, 16));
    all.put("copyFrom bytes", (v, a) -> v.copyFrom(bytes, 0, 16, a));
    all.put("copyFrom shorts", (v, a) -> v.copyFrom(new short[8], 0, 8, a));
    all.put("copyFrom buffer", (v, a) -> v.copyFrom(ByteBuffer.allocateDirect(16), a));
    all.put("copyFrom segment", (v, a) -> v.copyFrom(MemorySegment.ofArray(bytes), 0, 16, a));
    all.put("fill", (v, a) -> v.fill(a, 16, (byte) 1));
    all.put("copy from", (v, a) -> v.copy(a, PAGE, 16));
    all.put("copy to", (v, a) -> v.copy(PAGE, a, 16));
    all.put("mismatch", (v, a) -> v.mismatch(a, PAGE, 16));
    all.put("compare", (v, a) -> v.compare(PAGE, a, 16));
    all.put("indexOf", (v, a) -> v.indexOf(a, 16, (byte) 99));
    all.put("window", (v, a) -> v.window(a, 16).next());
    return all;
  }

  @BeforeEach
  void keepASentinel() {
    assertThat(base).as("accesses use the first page").isEqualTo(PAGE);
    view.putLong(base + 2 * PAGE, SENTINEL);
  }

  @AfterEach
  void nothingIsHarmed() {
    try (View another = fixture.space.view()) {
      assertThat(another.getLong(base + 2 * PAGE)).isEqualTo(SENTINEL);
    }
    fixture.close();
  }

  private static void use(String name, View view, long address) {
    Objects.requireNonNull(ACCESSES.get(name)).accept(view, address);
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void addressesBeyondTheRangeAreRejected(String name) {
    long[] wrong = {-16, -1L << 40, Long.MIN_VALUE, RANGE, RANGE + PAGE, Long.MAX_VALUE - 15};
    for (long address : wrong) {
      assertThatThrownBy(() -> use(name, view, address))
          .as("0x%x", address)
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("beyond the range of space");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"getShort", "getLong", "putInt", "putDouble", "copyTo bytes", "fill"})
  void oneByteTooFarIsTooFar(String name) {
    assertThatThrownBy(() -> use(name, view, RANGE - 1))
        .isInstanceOf(AccessViolationException.class)
        .hasMessageContaining("beyond the range of space");
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void whereNothingIsMappedIsAViolation(String name) {
    assertThatThrownBy(() -> use(name, view, RANGE - 16))
        .isInstanceOf(AccessViolationException.class)
        .hasMessageContaining("not mapped");
    assertThatThrownBy(() -> use(name, view, 0)).isInstanceOf(AccessViolationException.class);
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void aClosedViewIsRejected(String name) {
    View closed = fixture.space.view();
    closed.putLong(base, 1);
    closed.close();
    closed.close();

    assertThatThrownBy(() -> use(name, closed, base))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("this view is closed");
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void aSecondThreadIsRejected(String name) {
    assertWrongThread(() -> use(name, view, base));
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void aClosedSpaceIsEmpty(String name) {
    AddressSpace gone = fixture.vm.newAddressSpace();
    long address = gone.map(PAGE, Protection.READ_WRITE);
    try (View left = gone.view()) {
      left.putLong(address, 1);
      gone.close();

      assertThatThrownBy(() -> use(name, left, address))
          .isInstanceOf(AccessViolationException.class)
          .hasMessageContaining("the address space is closed");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "putByte",
        "putLong",
        "putIntVolatile",
        "compareAndSetLong",
        "getAndAddLong",
        "copyFrom bytes",
        "copyFrom segment",
        "fill",
        "copy to"
      })
  void aStoreToWhatIsForReadingIsAViolation(String name) {
    long readable = fixture.space.map(PAGE, Protection.READ);
    assertThat(view.getLong(readable)).isZero();

    assertThatThrownBy(() -> use(name, view, readable))
        .isInstanceOf(AccessViolationException.class)
        .hasMessageContaining("does not allow it");
    assertThat(view.getLong(readable)).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "getLongOpaque",
        "getLongAcquire",
        "getLongVolatile",
        "getIntVolatile",
        "putLongRelease",
        "putIntVolatile",
        "compareAndSetLong",
        "compareAndExchangeInt",
        "getAndAddLong",
        "getAndSetInt",
        "getAndBitwiseOrLong"
      })
  void anAtomicAccessThatIsNotAlignedIsRejected(String name) {
    for (int offset : new int[] {1, 2, 3, 6, PAGE - 1, PAGE - 2}) {
      assertThatThrownBy(() -> use(name, view, base + offset))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("not a multiple of");
    }
    assertThat(view.getLong(base)).isZero();
  }

  @Test
  void lengthsThatMakeNoSenseAreRejected() {
    MemorySegment segment = MemorySegment.ofArray(sixteen);
    for (long length : new long[] {-1, Long.MIN_VALUE}) {
      assertIllegal(() -> view.fill(base, length, (byte) 1));
      assertIllegal(() -> view.copy(base, base + PAGE, length));
      assertIllegal(() -> view.mismatch(base, base + PAGE, length));
      assertIllegal(() -> view.compare(base, base + PAGE, length));
      assertIllegal(() -> view.indexOf(base, length, (byte) 1));
      assertIllegal(() -> view.window(base, length));
      assertBeyond(() -> view.copyTo(base, segment, 0, length));
    }
    for (long length : new long[] {Long.MAX_VALUE, RANGE, RANGE - PAGE + 1}) {
      assertViolation(() -> view.fill(base, length, (byte) 1));
      assertViolation(() -> view.copy(base, base + PAGE, length));
      assertViolation(() -> view.mismatch(base, base + PAGE, length));
      assertViolation(() -> view.indexOf(base, length, (byte) 1));
      assertViolation(() -> view.window(base, length));
      assertBeyond(() -> view.copyFrom(segment, 0, length, base));
    }
  }

  @Test
  void indexesOutsideOfArraysAreRejected() {
    long[] longs = new long[4];
    assertBeyond(() -> view.copyTo(base, sixteen, -1, 4));
    assertBeyond(() -> view.copyTo(base, sixteen, 0, 17));
    assertBeyond(() -> view.copyTo(base, longs, 4, 1));
    assertBeyond(() -> view.copyFrom(longs, 1, 4, base));
    assertBeyond(() -> view.copyFrom(longs, Integer.MAX_VALUE, 1, base));
    assertBeyond(() -> view.copyFrom(sixteen, 0, -1, base));
    assertBeyond(() -> view.tryCopyTo(base, sixteen, 1, 16));
    assertBeyond(() -> view.copyTo(base, MemorySegment.ofArray(longs), 31, 2));
    assertThat(view.getLong(base)).isZero();
  }

  @Test
  void nothingIsACopyToo() {
    view.copyTo(base, sixteen, 16, 0);
    view.copyFrom(new int[0], 0, 0, RANGE);
    view.copyTo(0, ByteBuffer.allocate(0));
    view.copyFrom(MemorySegment.NULL, 0, 0, base);
    view.fill(RANGE, 0, (byte) 1);
    view.copy(base, base + 1, 0);
    assertThat(view.mismatch(base, 0, 0)).isEqualTo(-1);
    assertThat(view.compare(base, 0, 0)).isZero();
    assertThat(view.indexOf(base, 0, (byte) 0)).isEqualTo(-1);
    assertThat(view.tryCopyTo(0, sixteen, 0, 0)).isZero();
  }

  @Test
  void nothingIsTooMuchForAClosedView() {
    View closed = fixture.space.view();
    closed.close();

    assertThatThrownBy(() -> closed.fill(base, 0, (byte) 1))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> closed.isResident(base)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> closed.tryGetLong(base, 1)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> view.copy(base, closed, base, 1))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> closed.copy(base, view, base, 1))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void aSecondThreadIsRejectedByTheRestToo() {
    assertWrongThread(() -> view.isResident(base));
    assertWrongThread(() -> view.tryGetLong(base, 1));
    assertWrongThread(() -> view.tryCopyTo(base, sixteen, 0, 1));
    assertWrongThread(() -> view.setDeadline(Duration.ZERO));
    assertWrongThread(view::clearDeadline);
    assertWrongThread(view::close);
    assertWrongThread(() -> {
      try (View theirs = fixture.space.view()) {
        theirs.copy(base, view, base, 8);
      }
    });
    view.putLong(base, 3);
  }

  @Test
  void buffersAndSegmentsForReadingAreNotWrittenTo() {
    ByteBuffer buffer = ByteBuffer.allocate(16).asReadOnlyBuffer();
    MemorySegment segment = MemorySegment.ofArray(sixteen).asReadOnly();

    assertThatThrownBy(() -> view.copyTo(base, buffer)).isInstanceOf(ReadOnlyBufferException.class);
    assertIllegal(() -> view.copyTo(base, segment, 0, 16));
    assertThat(buffer.position()).isZero();
  }

  @Test
  void segmentsThatMayNotBeUsedAreRejectedBeforeAByteIsMoved() {
    Arena arena = Arena.ofConfined();
    MemorySegment closed = arena.allocate(16);
    arena.close();
    MemorySegment anothers =
        CompletableFuture.supplyAsync(() -> Arena.ofConfined().allocate(16)).join();
    view.putLong(base, 5);

    Map<MemorySegment, Class<?>> unusable =
        Map.of(closed, IllegalStateException.class, anothers, WrongThreadException.class);
    unusable.forEach((segment, type) -> {
      assertThatThrownBy(() -> view.copyTo(base, segment, 0, 16)).isInstanceOf(type);
      assertThatThrownBy(() -> view.copyFrom(segment, 0, 16, base)).isInstanceOf(type);
      assertThatThrownBy(() -> view.mismatch(base, segment, 0, 16)).isInstanceOf(type);
    });
    assertThat(view.getLong(base)).isEqualTo(5);
  }

  @Test
  void whatLiesBehindAPageThatFailsIsNotTouched() {
    long start = base + 3 * PAGE - 8; // the sentinel's page, and nothing behind it
    long[] longs = {1, 2, 3};
    long[] back = {7, 7, 7};

    assertViolation(() -> view.copyFrom(longs, 0, 3, start));
    assertViolation(() -> view.copyTo(start, back, 0, 3));

    assertThat(view.getLong(start)).as("the page before has it").isEqualTo(1);
    assertThat(back).containsExactly(1, 7, 7);
    ByteBuffer buffer = ByteBuffer.allocate(64).position(3);
    assertViolation(() -> view.copyTo(start, buffer));
    assertThat(buffer.position()).as("stays").isEqualTo(3);
  }

  private static void assertIllegal(Runnable use) {
    assertThatThrownBy(use::run).isInstanceOf(IllegalArgumentException.class);
  }

  private static void assertBeyond(Runnable use) {
    assertThatThrownBy(use::run).isInstanceOf(IndexOutOfBoundsException.class);
  }

  private static void assertViolation(Runnable use) {
    assertThatThrownBy(use::run).isInstanceOf(AccessViolationException.class);
  }

  private static void assertWrongThread(Runnable use) {
    assertThatThrownBy(() -> CompletableFuture.runAsync(use).join())
        .isInstanceOf(CompletionException.class)
        .hasCauseInstanceOf(WrongThreadException.class);
  }
}
