package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.Activity;
import org.pondhawk.vm.page.PageFlags;

class PageAdviceTest {
  private static final int PAGE = 1;

  /// A page of the same colour, which lies on the inactive queue all the time.
  private static final int OTHER = 1024;

  private static final int INACTIVE = PageQueue.INACTIVE.index(ColorPolicy.ofPage(PAGE));

  private final ContentParts machine = new ContentParts(4096);
  private final PageMover mover = machine.parts.mover();
  private final PageAdvice advice = new PageAdvice(machine.parts, machine.content, machine);

  @BeforeEach
  void aBusyPageAndItsNeighbour() {
    assertThat(ColorPolicy.ofPage(OTHER)).isEqualTo(ColorPolicy.ofPage(PAGE));
    machine.busy.takeIdle(PAGE);
    machine.busy.takeIdle(OTHER);
    mover.deactivate(machine.self, OTHER);
    machine.busy.unbusy(OTHER);
  }

  @AfterEach
  void close() {
    machine.close();
  }

  /// What one call does with an active page.
  private String call() {
    mover.activate(machine.self, PAGE);
    advice.notNeeded(machine.self, PAGE);
    if (PageQueue.ACTIVE.isKindOf(machine.pages.queue(PAGE))) {
      return "left";
    }
    assertThat(machine.pages.queue(PAGE)).isEqualTo(INACTIVE);
    return machine.queues.head(INACTIVE) == PAGE ? "head" : "tail";
  }

  @Test
  void weighsAsTheReferenceDoes() {
    List<String> calls = new ArrayList<>();
    calls.add("none");
    for (int call = 1; call <= 512; call++) {
      calls.add(call());
    }
    assertThat(calls.subList(1, 16)).containsOnly("left");
    assertThat(calls.subList(16, 128)).containsOnly("head");
    assertThat(calls.subList(128, 144)).containsOnly("tail");
    assertThat(calls.get(512)).isEqualTo("left");
    assertThat(Collections.frequency(calls, "left")).isEqualTo(16);
    assertThat(Collections.frequency(calls, "tail")).isEqualTo(48);
    assertThat(Collections.frequency(calls, "head")).isEqualTo(448);
  }

  @Test
  void makesAPageThatIsLeftLessActive() {
    machine.pages.setActivity(PAGE, Activity.INIT + 1);
    for (int i = 0; i < 3; i++) {
      mover.unqueue(machine.self, PAGE);
      advice.notNeeded(machine.self, PAGE);
    }
    assertThat(machine.pages.activity(PAGE)).as("no less than that").isEqualTo(Activity.INIT - 1);
  }

  @Test
  void sendsADirtyPageToTheTail() {
    for (int i = 0; i < 15; i++) {
      assertThat(call()).isEqualTo("left");
    }
    assertThat(call()).isEqualTo("head");
    machine.modified.set(PAGE);
    assertThat(call()).isEqualTo("tail");
    assertThat(machine.pages.dirty(PAGE)).isEqualTo(0xff);
  }

  @Test
  void forgetsThatThePageWasUsed() {
    for (int i = 0; i < 16; i++) {
      machine.pages.setFlags(PAGE, PageFlags.REFERENCED);
      call();
    }
    assertThat(machine.pages.hasFlag(PAGE, PageFlags.REFERENCED)).isFalse();
  }

  @Test
  void leavesAnInactivePageWhereItIs() {
    for (int i = 0; i < 15; i++) {
      call();
    }
    mover.deactivate(machine.self, PAGE);
    advice.notNeeded(machine.self, PAGE);
    assertThat(machine.queues.head(INACTIVE)).isEqualTo(OTHER);
    assertThat(call()).as("the call after the 16th").isEqualTo("head");
  }

  @Test
  void isRefusedForAPageThatIsNotHardBusy() {
    machine.busy.unbusy(PAGE);
    assertThatThrownBy(() -> advice.notNeeded(machine.self, PAGE))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("not hard-busy: page 1: busy --- n=0");
  }
}
