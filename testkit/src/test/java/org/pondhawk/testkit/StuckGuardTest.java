package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.pondhawk.testkit.Machines.MEBIBYTE;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Advice;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.sync.Guard;

/// A thread that is inside a guard and does not leave, as one that is suspended: who waits for it
/// gives up in time, nothing is half done, and once it has left everything works.
@Timeout(60)
class StuckGuardTest {
  private static final int PAGE = 4096;
  private static final long PATIENCE_MILLIS = 100;
  private static final long FAR_LONGER_NANOS = TimeUnit.SECONDS.toNanos(20);

  /// A machine with a space of four pages, and somebody inside a guard, about to store.
  private static final class Stuck implements AutoCloseable {
    final Rig rig;
    final AddressSpace space;
    final View view;
    final long base;
    final long frame;
    final Guard guard;

    Stuck(Seams seams) {
      rig =
          Rig.boot(
              Machines.tiny(PAGE, 32 * MEBIBYTE)
                  .patience(Duration.ofMillis(PATIENCE_MILLIS))
                  .build(),
              seams);
      space = rig.vm().newAddressSpace();
      base = space.map(4 * PAGE, Protection.READ_WRITE);
      view = space.view();
      for (int i = 0; i < 4; i++) {
        view.putLong(base + (long) i * PAGE, i + 1);
      }
      guard = rig.machine().grace().register();
      guard.enter();
      frame = Pte.frame(rig.insideOf(space).pmap().entry(base));
    }

    void leave() {
      guard.leave();
    }

    void requireContent() {
      for (int i = 0; i < 4; i++) {
        assertThat(view.getLong(base + (long) i * PAGE)).isEqualTo(i + 1);
      }
    }

    @Override
    public void close() {
      leave();
      view.close();
      rig.close();
    }
  }

  private static Arguments operation(String name, BiConsumer<AddressSpace, Long> operation) {
    return Arguments.of(name, operation);
  }

  static Stream<Arguments> operations() {
    return Stream.of(
        operation("unmap", (space, base) -> space.unmap(base, 4 * PAGE)),
        operation("unmap a part", (space, base) -> space.unmap(base + PAGE, PAGE)),
        operation(
            "protect",
            (space, base) -> {
              space.protect(base, 4 * PAGE, Protection.READ);
              space.protect(base, 4 * PAGE, Protection.READ_WRITE);
            }),
        operation("free", (space, base) -> space.advise(base + PAGE, PAGE, Advice.FREE)),
        operation("fork", (space, _) -> space.fork().close()),
        operation(
            "freeze",
            (space, _) -> {
              space.freeze();
              space.thaw();
            }),
        operation("close", (space, _) -> space.close()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("operations")
  void makesAnOperationGiveUpThatThenHasChangedNothing(
      String name, BiConsumer<AddressSpace, Long> operation) {
    try (Stuck stuck = new Stuck(Seams.SOUND)) {
      long from = System.nanoTime();
      for (int i = 0; i < 2; i++) {
        assertThatThrownBy(() -> operation.accept(stuck.space, stuck.base))
            .isInstanceOf(AccessUnderWayException.class)
            .hasMessageContaining("a thread has been in the middle of an access");
      }
      assertThat(System.nanoTime() - from).isLessThan(FAR_LONGER_NANOS);

      Machines.requireClean(stuck.rig.vm(), name);
      stuck.requireContent();
      stuck.view.putLong(stuck.base, 1); // nothing is frozen either
      assertThat(stuck.rig.vm().statistics().graceWaitsGivenUp()).isEqualTo(2);
      assertThatThrownBy(stuck.space::thaw).hasMessageContaining("not frozen");

      stuck.leave();
      assertThatCode(() -> operation.accept(stuck.space, stuck.base)).doesNotThrowAnyException();
      Machines.requireClean(stuck.rig.vm(), name);
    }
  }

  @Nested
  class ItsStoreThatComesLate {
    @Test
    void landsWhereItBelongs() {
      assertThat(lateStore(Seams.SOUND)).isNull();
    }

    @Test
    void landsInAForeignFrameIfNobodyHeedsThatAWaitWasGivenUp() {
      assertThat(lateStore(BrokenParts.goesOnWhenItGivesUp()))
          .contains("somebody stored into a free frame");
    }

    /// Stores through an entry that was read before the page was unmapped, or was to be.
    ///
    /// @return what is wrong, or null
    private @Nullable String lateStore(Seams seams) {
      try (Stuck stuck = new Stuck(seams)) {
        Throwable given = catchThrowable(() -> stuck.space.unmap(stuck.base, PAGE));
        RawMemory.putLong(stuck.frame, 42);
        stuck.leave();
        if (given == null) {
          return stuck.rig.vm().check().problems().toString();
        }
        long value = stuck.view.getLong(stuck.base);
        return value == 42 ? null : "the store was lost: " + value;
      }
    }
  }

  @Test
  void letsTheMachineBeClosedLater() {
    Stuck stuck = new Stuck(Seams.SOUND);
    try (stuck) {
      assertThatThrownBy(stuck.rig.vm()::close).isInstanceOf(AccessUnderWayException.class);
      assertThatThrownBy(stuck.rig.vm()::newAddressSpace).hasMessageContaining("is closed");
      stuck.requireContent();
      RawMemory.putLong(
          stuck.frame, 42); // the memory is there for as long as it may be stored into

      stuck.leave();
      stuck.rig.vm().close();
      assertThatThrownBy(() -> stuck.view.getLong(stuck.base))
          .hasMessageContaining("the address space is closed");
    }
  }

  @Test
  void stopsReclaimAndTheDaemonButLosesNothing() {
    long bytes = 12 * MEBIBYTE;
    try (Stuck stuck = new Stuck(Seams.SOUND)) {
      long heap = stuck.space.map(bytes, Protection.READ_WRITE);
      long end = heap;
      Throwable refused = null;
      while (refused == null) {
        long at = end;
        refused = catchThrowable(() -> stuck.view.putLong(at, at));
        end += refused == null ? PAGE : 0;
      }
      assertThat(refused).isInstanceOf(OutOfPagesException.class);
      long held = end;

      stuck.leave();

      for (long at = held; at < heap + bytes; at += PAGE) {
        stuck.view.putLong(at, at);
      }
      for (long at = heap; at < heap + bytes; at += PAGE) {
        assertThat(stuck.view.getLong(at)).isEqualTo(at);
      }
      stuck.requireContent();
      Machines.requireClean(stuck.rig.vm(), "after a stop");
    }
  }

  @Test
  void leavesAFreedFrameInTheCacheUntilItHasLeft() {
    try (Stuck stuck = new Stuck(Seams.SOUND)) {
      var machine = stuck.rig.machine();
      PageArray pages = machine.page().pages();
      int page = pages.frames().frameOf(stuck.frame);
      assertThat(machine.page().busy().tryHardBusy(page)).isTrue();
      machine.mappings().removeAll(page);
      pages.setTicket(page, machine.grace().next());

      machine.allocator().free(machine.newThread("test"), page);

      assertThat(PageQueue.CACHE.isKindOf(pages.queue(page))).as(pages.describe(page)).isTrue();
      assertThat(pages.object(page)).isEqualTo(PageArray.NO_OBJECT);
      Machines.requireClean(stuck.rig.vm(), "in limbo");
      var self = machine.newThread("test");
      int color = pages.queue(page) - PageQueue.CACHE.index(0);
      assertThat(machine.allocator().freeOneCachedOf(self, color)).as("not yet").isFalse();
      stuck.leave();
      assertThat(machine.allocator().freeOneCachedOf(self, color)).isTrue();
      assertThat(PageQueue.FREE.isKindOf(pages.queue(page))).as(pages.describe(page)).isTrue();
      Machines.requireClean(stuck.rig.vm(), "free");
    }
  }

  /// A frozen space is nobody's fault, but the wait for it ends all the same.
  @Test
  void isNotNeededToEndAStoreIntoASpaceThatStaysFrozen() {
    try (Stuck stuck = new Stuck(Seams.SOUND)) {
      stuck.leave();
      stuck.space.freeze();

      assertThatThrownBy(() -> stuck.view.putLong(stuck.base, 9))
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("the space was frozen for more than " + PATIENCE_MILLIS + " ms");
      assertThat(stuck.view.getLong(stuck.base)).isEqualTo(1);

      CompletableFuture<Void> thawing = CompletableFuture.runAsync(stuck.space::thaw);
      thawing.join();
      stuck.view.putLong(stuck.base, 1);
    }
  }
}
