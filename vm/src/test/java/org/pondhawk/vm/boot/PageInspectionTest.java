package org.pondhawk.vm.boot;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.stats.PageState;
import org.pondhawk.vm.sync.Guard;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

class PageInspectionTest {
  private static final int FRAMES = 300;
  private static final int PAGE = TestMachine.PAGE_SIZE;

  private final TestMachine machine = new TestMachine(FRAMES);
  private final PageInspection inspection = new PageInspection(machine.vm);
  private final Space space = machine.vm.newSpace();
  private final long at = machine.map(space, 8);

  @AfterEach
  void closes() {
    if (!machine.vm.haltSwitch().isHalted()) {
      assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    }
    machine.close();
  }

  private int stored(int index) {
    machine.put(space, at + (long) index * PAGE, index);
    return machine.pageAt(space, at + (long) index * PAGE);
  }

  /// The text of a page with what differs from run to run left out.
  private String text(int page) {
    PageState state = inspection.page(page);
    return state
        .text()
        .replace("page %d at 0x%x".formatted(page, state.address()), "page N at A")
        .replace("colour " + state.color(), "colour C")
        .replace("ticket " + state.ticket(), "ticket T");
  }

  @Test
  void showPageHasTheThirteenLinesOfTheReferenceInItsOrder() {
    for (int i = 0; i < 5; i++) {
      stored(i);
    }
    machine.vm.page().mover().deactivate(machine.self, hardBusy(stored(0)));
    machine.vm.page().busy().unbusy(machine.pageAt(space, at));

    long wired = machine.vm.page().stats().global(PageCount.WIRED);
    assertThat(inspection.page())
        .isEqualTo(
            """
            vmstats.v_free_count: %d
            vmstats.v_cache_count: 0
            vmstats.v_inactive_count: 1
            vmstats.v_active_count: 4
            vmstats.v_wire_count: %d
            vmstats.v_free_reserved: 15
            vmstats.v_free_min: 17
            vmstats.v_free_target: 34
            vmstats.v_inactive_target: 18
            vmstats.v_paging_wait: 34
            vmstats.v_paging_start: 51
            vmstats.v_paging_target1: 68
            vmstats.v_paging_target2: 85
            """
                .formatted(FRAMES - 5 - wired, wired));
  }

  private int hardBusy(int page) {
    assertThat(machine.vm.page().busy().tryHardBusy(page)).isTrue();
    return page;
  }

  @Test
  void showPageqHasALineForEachOfFourKindsAndANumberForEachColour() {
    int active = stored(0);
    int inactive = hardBusy(stored(1));
    machine.vm.page().mover().deactivate(machine.self, inactive);
    machine.vm.page().busy().unbusy(inactive);

    List<String> lines = inspection.pageq().lines().toList();
    assertThat(lines).hasSize(4);
    assertThat(lines.get(0)).startsWith("PQ_FREE: ");
    assertThat(lines.get(1)).isEqualTo("PQ_CACHE:" + " 0".repeat(1024));
    assertThat(lines.get(2)).isEqualTo("PQ_ACTIVE:" + oneAt(inspection.page(active).color()));
    assertThat(lines.get(3)).isEqualTo("PQ_INACTIVE:" + oneAt(inspection.page(inactive).color()));
    StringBuilder free = new StringBuilder("PQ_FREE:");
    for (int color = 0; color < PageQueue.COLORS; color++) {
      int wanted = color;
      long there =
          IntStream.range(0, FRAMES)
              .mapToObj(inspection::page)
              .filter(page -> page.queue().equals("FREE") && page.color() == wanted)
              .count();
      free.append(' ').append(there);
    }
    assertThat(lines.get(0)).isEqualTo(free.toString());
  }

  private static String oneAt(int color) {
    return " 0".repeat(color) + " 1" + " 0".repeat(1023 - color);
  }

  @Test
  void aPageInUseIsDecoded() {
    int page = stored(3);
    machine.vm.page().pages().addHold(page, 2);
    assertThat(text(page))
        .isEqualTo(
            """
            page N at A
              busy     not locked, 0 soft
              flags    WRITABLE|MAPPED
              queue    ACTIVE, colour C
              object   %d in slot %d, pindex 3
              pins     wired 0, held 2
              content  valid 11111111, dirty 11111111, activity 5, WRITE_BACK
              mapping  0 to be collected from
              spin     free
              grace    ticket T, over
            """
                .formatted(object().id(), object().slot()));
    machine.vm.page().pages().addHold(page, -2);
  }

  private VmObject object() {
    return space.map().all().getFirst().head().object();
  }

  @Test
  void aFreePageIsDecoded() {
    int free =
        IntStream.range(0, FRAMES)
            .filter(page -> inspection.page(page).queue().equals("FREE"))
            .findFirst()
            .orElseThrow();
    assertThat(text(free))
        .startsWith("page N at A\n  busy     not locked, 0 soft\n")
        .contains("  queue    FREE, colour C\n")
        .contains("  object   none, pindex 0\n")
        .contains("  content  valid 00000000, dirty 00000000, activity 0, WRITE_BACK\n");
  }

  @Test
  void everythingThatKeepsAPageIsDecoded() {
    int page = hardBusy(stored(0));
    PageBusy busy = machine.vm.page().busy();
    busy.addSoftBusy(page);
    busy.beginSwap(page);
    VmThread other = machine.vm.newThread("other");
    Helper<Boolean> waiter = Helper.start(() -> busy.sleepWhileHardBusy(other, page)).awaitAsleep();
    machine.vm.page().mover().wire(machine.self, page);
    machine.vm.page().pages().interlock(page, 1);
    Guard guard = machine.vm.grace().register();
    guard.enter();
    int ticket = machine.vm.grace().begin();
    machine.vm.page().pages().setTicket(page, ticket);

    String text = text(page);

    guard.leave();
    machine.vm.grace().unregister(guard);
    machine.vm.page().pages().interlock(page, -1);
    machine.vm.page().mover().unwire(machine.self, page, true);
    busy.endSwap(page);
    busy.finishIo(page);
    busy.unbusy(page);
    waiter.join();
    assertThat(text)
        .contains("busy     LOCKED, WANTED, SWAPPING, 1 soft")
        .contains("pins     wired 1, held 0")
        .contains("mapping  1 to be collected from")
        .contains("grace    ticket T, open");
  }

  @Test
  void whatIsOnNoQueueHasTheColourOfItsFrame() {
    int page = hardBusy(stored(0));
    int color = inspection.page(page).color();
    machine.vm.page().mover().unqueue(machine.self, page);
    PageState state = inspection.page(page);
    machine.vm.page().mover().activate(machine.self, page);
    machine.vm.page().busy().unbusy(page);

    assertThat(state.queue()).isEqualTo("NONE");
    assertThat(state.color()).isEqualTo(color);
    assertThat(inspection.page(page).color()).isEqualTo(color);
  }

  @Test
  void aHaltedMachineIsShownAsItIs() {
    int page = stored(0);
    hardBusy(page);
    machine.vm.halt(new VmPanic("on purpose"));
    machine.vm.page().pages().lock(page); // as who died may have left it
    PageState state = inspection.page(page);
    machine.vm.page().pages().unlock(page);

    assertThat(state.hardBusy()).isTrue();
    assertThat(state.spinLocked()).isTrue();
    assertThat(state.text()).contains("busy     LOCKED, 0 soft").contains("spin     locked");
    assertThat(inspection.page()).contains("v_active_count: 1");
    assertThat(inspection.pageq()).contains("PQ_ACTIVE:");
  }
}
