package org.pondhawk.vm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.mem.FrameMemory;

/// Windows on pages: what they show, what they keep in place, and how they end.
class ViewWindowTest {
  private static final int PAGE = 4096;

  @Nested
  class AWindow {
    @Test
    void showsTheWholeRangePageByPage() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        View view = fixture.view;
        long base = fixture.mapTwiceTheMemory();
        long bytes = 2 * fixture.frameBytes() - 200;
        for (long i = 0; i < bytes + 200; i += 8) {
          view.putLong(base + i, i);
        }
        long expectedAddress = base + 96;
        try (PageWindow window = view.window(base + 96, bytes)) {
          while (window.next()) {
            MemorySegment page = window.bytes();
            assertThat(window.address()).isEqualTo(expectedAddress);
            for (long i = 0; i < page.byteSize(); i += 8) {
              assertThat(page.get(JAVA_LONG_UNALIGNED, i)).isEqualTo(expectedAddress - base + i);
            }
            expectedAddress += page.byteSize();
          }
          assertThat(window.next()).as("and again").isFalse();
        }
        assertThat(expectedAddress).isEqualTo(base + 96 + bytes);
      }
    }

    @Test
    void onNothingHasNoPage() {
      try (ViewFixture fixture = new ViewFixture(PAGE);
          PageWindow window = fixture.view.window(PAGE, 0)) {
        assertThatThrownBy(window::bytes).isInstanceOf(IllegalStateException.class);
        assertThat(window.next()).isFalse();
        assertThatThrownBy(window::address).isInstanceOf(IllegalStateException.class);
      }
    }

    @Test
    void showsWhatIsStoredMeanwhile() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        View view = fixture.view;
        long base = fixture.space.map(PAGE, Protection.READ_WRITE);
        try (PageWindow window = view.window(base, PAGE)) {
          window.next();
          view.putLong(base + 8, 77);

          assertThat(window.bytes().get(JAVA_LONG_UNALIGNED, 8)).isEqualTo(77);
        }
      }
    }

    @Test
    void isForReadingOnly() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        long base = fixture.space.map(PAGE, Protection.READ_WRITE);
        try (PageWindow window = fixture.view.window(base, PAGE)) {
          window.next();
          MemorySegment page = window.bytes();

          assertThatThrownBy(() -> page.set(JAVA_BYTE, 0, (byte) 1))
              .isInstanceOf(IllegalArgumentException.class);
        }
      }
    }

    @Test
    void mayBeTriedAgainAfterAFailure() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        long base = fixture.space.map(PAGE, Protection.READ_WRITE);
        fixture.view.putLong(base, 5);
        try (PageWindow window = fixture.view.window(base, 2 * PAGE)) {
          window.next();

          assertThatThrownBy(window::next).isInstanceOf(AccessViolationException.class);
          assertThatThrownBy(window::bytes).isInstanceOf(IllegalStateException.class);

          fixture.space.mapAt(base + PAGE, PAGE, Protection.READ_WRITE);
          assertThat(window.next()).isTrue();
          assertThat(window.bytes().get(JAVA_LONG_UNALIGNED, 0)).isZero();
        }
      }
    }
  }

  @Nested
  class ThePageUnderIt {
    @Test
    void isNotEvicted() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        View view = fixture.view;
        long base = fixture.mapTwiceTheMemory();
        view.fill(base, PAGE, (byte) 5);
        try (PageWindow window = view.window(base, PAGE)) {
          window.next();
          for (int round = 0; round < 4; round++) {
            view.fill(base + PAGE, 2 * fixture.frameBytes() - PAGE, (byte) round);
          }
          assertThat(window.bytes().mismatch(filled(5))).isEqualTo(-1);
          view.putByte(base, (byte) 6);
          assertThat(window.bytes().get(JAVA_BYTE, 0)).as("the same frame").isEqualTo((byte) 6);
          fixture.check();
        }
      }
    }

    @Test
    void isNobodyElsesAfterAnUnmap() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        View view = fixture.view;
        long base = fixture.space.map(PAGE, Protection.READ_WRITE);
        view.fill(base, PAGE, (byte) 5);
        long much = fixture.mapTwiceTheMemory();
        try (PageWindow window = view.window(base, PAGE)) {
          window.next();
          fixture.space.unmap(base, PAGE);
          for (int round = 0; round < 4; round++) {
            view.fill(much, 2 * fixture.frameBytes(), (byte) 9);
          }

          assertThat(window.bytes().mismatch(filled(5))).isEqualTo(-1);
          fixture.check();
        }
        fixture.check();
      }
    }

    @ParameterizedTest(name = "with a chain: {0}")
    @ValueSource(booleans = {false, true})
    void isNotWhereAChildStores(boolean chain) {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        View view = fixture.view;
        long base = fixture.space.map(2 * PAGE, Protection.READ_WRITE);
        view.fill(base, 2 * PAGE, (byte) 5);
        try (PageWindow window = view.window(base, PAGE);
            AddressSpace child = fixture.space.fork();
            View its = child.view()) {
          window.next();
          if (chain) {
            its.putByte(base + PAGE, (byte) 1); // the page is now of the second object of a chain
          }
          fixture.space.unmap(base, 2 * PAGE);
          if (chain) {
            fixture.vm.machine().collapser().collapseNow(its.space);
          }
          its.fill(base, 2 * PAGE, (byte) 9);

          // The page is nobody's any more; the collapser may have freed it.
          assertThat(
                  window.bytes().mismatch(filled(5)) < 0
                      || window.bytes().mismatch(filled(FrameMemory.POISON)) < 0)
              .isTrue();
          assertThat(its.indexOf(base, 2 * PAGE, (byte) 5)).isEqualTo(-1);
          fixture.check();
        }
      }
    }

    @Test
    void outlivesItsSpaceAndMachine() {
      ViewFixture fixture = new ViewFixture(PAGE);
      View view = fixture.view;
      long base = fixture.space.map(PAGE, Protection.READ_WRITE);
      view.fill(base, PAGE, (byte) 5);
      PageWindow window = view.window(base, PAGE);
      window.next();
      fixture.space.close();
      assertThat(window.bytes().mismatch(filled(5))).isEqualTo(-1);
      fixture.vm.close();

      assertThat(window.bytes().mismatch(filled(5))).isEqualTo(-1);

      view.close();
      assertThatThrownBy(window::bytes).isInstanceOf(IllegalStateException.class);
      assertThat(fixture.vm.machine().retain()).as("its memory is still there").isFalse();
    }

    private static MemorySegment filled(int value) {
      return MemorySegment.ofArray(new byte[PAGE]).fill((byte) value);
    }
  }

  @Nested
  class ItsSegment {
    @Test
    void endsWithTheNextPageTheWindowAndTheView() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        View own = fixture.space.view();
        long base = fixture.space.map(3 * PAGE, Protection.READ_WRITE);
        PageWindow first = own.window(base, 2 * PAGE);
        first.next();
        MemorySegment page = first.bytes();
        first.next();
        assertEnded(page);
        page = first.bytes();
        first.close();
        first.close();
        assertEnded(page);
        assertThatThrownBy(first::next).isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(first::bytes).isInstanceOf(IllegalStateException.class);

        PageWindow second = own.window(base, PAGE);
        second.next();
        page = second.bytes();
        own.close();
        assertEnded(page);
        assertThatThrownBy(second::next).isInstanceOf(IllegalStateException.class);
        second.close();
      }
    }

    private static void assertEnded(MemorySegment page) {
      assertThat(page.scope().isAlive()).isFalse();
      assertThatThrownBy(() -> page.get(JAVA_BYTE, 0)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void belongsToTheThreadOfTheView() {
      try (ViewFixture fixture = new ViewFixture(PAGE)) {
        long base = fixture.space.map(PAGE, Protection.READ_WRITE);
        try (PageWindow window = fixture.view.window(base, PAGE)) {
          window.next();
          MemorySegment page = window.bytes();

          assertWrongThread(() -> page.get(JAVA_BYTE, 0));
          assertWrongThread(window::next);
          assertWrongThread(window::bytes);
          assertWrongThread(window::close);
          assertThat(page.get(JAVA_BYTE, 0)).isZero();
        }
      }
    }

    private static void assertWrongThread(Runnable use) {
      assertThatThrownBy(() -> CompletableFuture.runAsync(use).join())
          .isInstanceOf(CompletionException.class)
          .hasCauseInstanceOf(WrongThreadException.class);
    }

    @Test
    void keepsItsMemoryWhenAllElseIsForgotten() {
      ViewFixture fixture = new ViewFixture(PAGE);
      MemorySegment[] page = {forgottenWindow(fixture)};
      fixture.view.close();
      fixture.vm.close();
      for (int i = 0; i < 3; i++) {
        System.gc();
        assertThat(page[0].get(JAVA_BYTE, 0)).isEqualTo((byte) 0);
        assertThat(fixture.vm.machine().retain()).as("the memory is there").isTrue();
        fixture.vm.machine().release();
      }
      page[0] = MemorySegment.NULL;

      long giveUp = System.nanoTime() + 20_000_000_000L;
      while (fixture.vm.machine().retain()) {
        fixture.vm.machine().release();
        assertThat(System.nanoTime()).as("the memory is given back").isLessThan(giveUp);
        System.gc();
      }
    }

    @SuppressWarnings("MustBeClosedChecker")
    private static MemorySegment forgottenWindow(ViewFixture fixture) {
      long base = fixture.space.map(PAGE, Protection.READ_WRITE);
      PageWindow window = fixture.space.view().window(base, PAGE);
      window.next();
      return window.bytes();
    }
  }
}
