package org.pondhawk.vm.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.lang.reflect.Method;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.queue.PageQueues;
import org.pondhawk.vm.queue.RunLimits;
import org.pondhawk.vm.sync.VmThread;

/// The states that a page may be in, each made and looked at in all its columns; and states that it
/// may not be in, each made by force, and the line with which the check reports it.
class PageStatesTest {
  private static final int RESERVED = 4;

  private final TestMachine machine =
      new TestMachine(256, null, 0, (long) RESERVED * TestMachine.PAGE_SIZE);
  private final PageArray pages = machine.vm.page().pages();
  private final PageBusy busy = machine.vm.page().busy();
  private final VmThread self = machine.self;
  private final Space space = machine.vm.newSpace();
  private final long address = machine.map(space, 2);

  @AfterEach
  void close() {
    machine.vm.haltSwitch().halt(new VmPanic("the test is over"));
    machine.close();
  }

  private int resident() {
    assertThat(machine.get(space, address)).isZero();
    return machine.pageAt(space, address);
  }

  private int hardBusy() {
    int page = resident();
    busy.takeIdle(page);
    machine.vm.pageOperations().protection().revokeAll(page);
    return page;
  }

  private int allocated() {
    return machine.vm.allocator().allocate(self, 0, AllocClass.NORMAL);
  }

  private int freed() {
    int page = allocated();
    machine.vm.allocator().free(self, page);
    return page;
  }

  private int heldAndFreed() {
    int page = allocated();
    machine.vm.allocator().hold(page);
    machine.vm.allocator().free(self, page);
    return page;
  }

  private int cached() {
    int page = hardBusy();
    assertThat(machine.vm.page().mover().toCache(self, page)).isTrue();
    return page;
  }

  private int run(int count) {
    return machine.vm.contig().allocate(RunLimits.ANYWHERE, count, MemoryAttribute.WRITE_BACK);
  }

  private boolean isOn(PageQueue kind, int page) {
    return kind.isKindOf(pages.queue(page));
  }

  /// How each state comes about, and the columns of its row.
  enum State {
    FREE("FREE of nothing, busy --- n=0, wire 0, hold 0, valid 00, dirty 00, unmapped") {
      @Override
      int make(PageStatesTest test) {
        return test.freed();
      }
    },
    HELD_AND_FREE("HOLD of nothing, busy --- n=0, wire 0, hold 1, valid 00, dirty 00, unmapped") {
      @Override
      int make(PageStatesTest test) {
        return test.heldAndFreed();
      }

      @Override
      void end(PageStatesTest test, int page) {
        test.machine.vm.allocator().unhold(test.self, page);
      }
    },
    NEW("none of nothing, busy L-- n=0, wire 0, hold 0, valid 00, dirty 00, unmapped") {
      @Override
      int make(PageStatesTest test) {
        return test.allocated();
      }

      @Override
      void end(PageStatesTest test, int page) {
        test.machine.vm.allocator().free(test.self, page);
      }
    },
    UNQUEUED("none of an object, busy --- n=0, wire 0, hold 0, valid ff, dirty 00, unmapped") {
      @Override
      int make(PageStatesTest test) {
        int page = test.hardBusy();
        test.machine.vm.page().mover().unqueue(test.self, page);
        test.busy.unbusy(page);
        return page;
      }
    },
    ACTIVE("ACTIVE of an object, busy --- n=0, wire 0, hold 0, valid ff, dirty 00, mapped") {
      @Override
      int make(PageStatesTest test) {
        return test.resident();
      }
    },
    INACTIVE("INACTIVE of an object, busy --- n=0, wire 0, hold 0, valid ff, dirty ff, mapped") {
      @Override
      int make(PageStatesTest test) {
        int page = test.resident();
        test.machine.put(test.space, test.address, 1);
        test.pages.setDirty(page);
        test.machine.vm.page().mover().deactivate(test.self, page);
        return page;
      }
    },
    CACHE("CACHE of an object, busy --- n=0, wire 0, hold 0, valid ff, dirty 00, unmapped") {
      @Override
      int make(PageStatesTest test) {
        return test.cached();
      }
    },
    RESERVE_FREE("none of nothing, busy --- n=0, wire 1, hold 0, valid 00, dirty 00, unmapped") {
      @Override
      int make(PageStatesTest test) {
        assertThat(test.machine.vm.contig().reserve().has(2)).isTrue();
        return 2;
      }
    },
    RESERVE_USED("none of nothing, busy --- n=0, wire 1, hold 0, valid ff, dirty 00, unmapped") {
      @Override
      int make(PageStatesTest test) {
        int first = test.run(2);
        assertThat(test.machine.vm.contig().reserve().has(first)).isTrue();
        return first;
      }
    },
    RUN("none of nothing, busy --- n=0, wire 1, hold 0, valid ff, dirty 00, unmapped") {
      @Override
      int make(PageStatesTest test) {
        int first = test.run(2 * RESERVED);
        assertThat(test.machine.vm.contig().reserve().has(first)).isFalse();
        return first;
      }
    },
    MARKER("INACTIVE of nothing, busy L-- n=0, wire 1, hold 0, valid 00, dirty 00, unmapped") {
      @Override
      int make(PageStatesTest test) {
        int marker = test.pages.marker(0);
        test.machine.vm.page().queues().insertMarker(PageQueue.INACTIVE.index(3), marker);
        return marker;
      }

      @Override
      void end(PageStatesTest test, int page) {
        test.machine.vm.page().queues().removeMarker(page);
      }
    };

    private final String row;

    State(String row) {
      this.row = row;
    }

    abstract int make(PageStatesTest test);

    /// Brings the page back to where a machine at rest may have it.
    void end(PageStatesTest test, int page) {}
  }

  private String row(int page) {
    int queue = pages.queue(page);
    return "%s of %s, busy %s, wire %d, hold %d, valid %02x, dirty %02x, %s"
        .formatted(
            queue == 0 ? "none" : PageQueue.kindOf(queue),
            pages.object(page) == PageArray.NO_OBJECT ? "nothing" : "an object",
            busy.describe(page),
            pages.wireCount(page),
            pages.holdCount(page),
            pages.valid(page),
            pages.dirty(page),
            pages.hasFlag(page, PageFlags.MAPPED) ? "mapped" : "unmapped");
  }

  @ParameterizedTest
  @EnumSource(State.class)
  void aLegalStateHasAllItsColumns(State state) {
    int page = state.make(this);
    assertThat(row(page)).isEqualTo(state.row);
    state.end(this, page);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
  }

  private void isReported(String line) {
    assertThat(VmCheck.run(machine.vm).problems())
        .anySatisfy(problem -> assertThat(problem).contains(line));
  }

  @Nested
  class AFreePage {
    @Test
    void isNotValid() {
      int page = freed();
      pages.setValid(page);
      isReported("free, but in use: page " + page + ":");
    }

    @ParameterizedTest
    @ValueSource(ints = {PageFlags.MAPPED, PageFlags.NEED_COMMIT})
    void isNotFlagged(int flag) {
      int page = freed();
      pages.setFlags(page, flag);
      isReported("free, but in use: page " + page + ":");
    }
  }

  @Nested
  class AHeldFreePage {
    @Test
    void isHeld() {
      int page = heldAndFreed();
      pages.addHold(page, -1);
      isReported("on HOLD without hold: page " + page + ":");
    }

    @ParameterizedTest
    @ValueSource(strings = {"valid", "dirty", "wired", "owned", "mapped"})
    void isUsedForNothing(String how) {
      int page = heldAndFreed();
      assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
      switch (how) {
        case "valid" -> pages.setValid(page);
        case "dirty" -> pages.setDirty(page);
        case "wired" -> pages.addWire(page, 1);
        case "owned" -> pages.setIdentity(page, pages.object(resident()), 1);
        default -> pages.setFlags(page, PageFlags.MAPPED);
      }
      isReported("held, but in use: page " + page + ":");
    }
  }

  @Nested
  class AQueuedPage {
    @ParameterizedTest
    @ValueSource(ints = {PageFlags.UNQUEUED, PageFlags.FICTITIOUS})
    void isNotExempt(int flag) {
      int page = resident();
      pages.setFlags(page, flag);
      isReported("queued, but exempt from that: page " + page + ":");
      pages.clearFlags(page, flag);
      int free = freed();
      pages.setFlags(free, flag);
      isReported("queued, but exempt from that: page " + free + ":");
    }

    @Test
    void isCountedOnce() throws ReflectiveOperationException {
      int queue = pages.queue(resident());
      Field length = PageQueues.class.getDeclaredField("LENGTH");
      length.setAccessible(true);
      Method put = PageQueues.class.getDeclaredMethod("put", int.class, long.class, int.class);
      put.setAccessible(true);
      int right = machine.vm.page().queues().length(queue);
      put.invoke(machine.vm.page().queues(), queue, length.getLong(null), right + 1);
      isReported("ACTIVE queue %d has %d pages and says %d".formatted(queue, right, right + 1));
      isReported("the ACTIVE queues have");
    }

    @Test
    void belongsToSomethingIfItIsInUse() {
      int page = allocated();
      pages.setValid(page);
      machine.vm.page().mover().activate(self, page);
      busy.unbusy(page);
      isReported("belongs to nothing: page " + page + ":");
    }

    @Test
    void isUnmappedInTheCache() {
      int page = cached();
      pages.setFlags(page, PageFlags.MAPPED);
      isReported("cached, but dirty or mapped: page " + page + ":");
    }
  }

  @Nested
  class AMarker {
    @ParameterizedTest
    @EnumSource(PageQueue.class)
    void isOnNoQueueAtRest(PageQueue kind) {
      machine.vm.page().queues().insertMarker(kind.index(3), pages.marker(0));
      isReported("a marker was left in " + kind + " queue");
    }
  }

  @Nested
  class APageOfAnObject {
    @Test
    void hasItsPlaceForItself() {
      int page = resident();
      VmObject object = machine.vm.objects().get(pages.object(page));
      int twin = allocated();
      pages.setIdentity(twin, object.slot(), pages.pindex(page));
      pages.setValid(twin);
      machine.vm.page().mover().activate(self, twin);
      busy.unbusy(twin);
      isReported("says that it belongs to an object which does not have it: page " + twin + ":");
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void isNotBusyAtRest(boolean hard) {
      int page = resident();
      assertThat(busy.tryLease(page, hard)).isTrue();
      isReported("page " + page + ": busy " + busy.describe(page));
      busy.endLease(page, hard);
      assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
      assertThat(isOn(PageQueue.ACTIVE, page)).isTrue();
    }

    @Test
    void isWiredOnlyWhereThatIsCounted() {
      int page = resident();
      pages.addWire(page, 1);
      isReported("pages say that they are wired, the counter says");
    }
  }
}
