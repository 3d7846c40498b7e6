package org.pondhawk.vm.boot;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.kmem.Kernel;
import org.pondhawk.vm.kmem.Zone;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageSnapshot;
import org.pondhawk.vm.queue.FreeLevel;
import org.pondhawk.vm.queue.FreeLevels;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.stats.PageState;

/// What the debugger's commands for the page layer print. Nothing here waits, or takes a lock; what
/// is printed of a running machine need not be of one moment.
public final class PageInspection {
  /// In the order in which they are printed, behind the counts.
  private static final FreeLevel[] LEVELS = {
    FreeLevel.RESERVED,
    FreeLevel.MIN,
    FreeLevel.FREE_TARGET,
    FreeLevel.INACTIVE_TARGET,
    FreeLevel.PAGING_WAIT,
    FreeLevel.PAGING_START,
    FreeLevel.TARGET1,
    FreeLevel.TARGET2
  };

  private static final PageQueue[] QUEUES = {
    PageQueue.FREE, PageQueue.CACHE, PageQueue.ACTIVE, PageQueue.INACTIVE
  };

  private final Machine machine;

  /// Of a machine, running or halted.
  public PageInspection(Machine machine) {
    this.machine = machine;
  }

  /// The counts and levels of the global record, one a line (`show page`,
  /// `vm_page_print_page_info`).
  public String page() {
    VmStats stats = machine.page().stats();
    stats.rollup();
    StringBuilder text = new StringBuilder();
    line(text, "v_free_count", stats.global(PageCount.FREE));
    line(text, "v_cache_count", stats.global(PageCount.CACHE));
    line(text, "v_inactive_count", stats.global(PageCount.INACTIVE));
    line(text, "v_active_count", stats.global(PageCount.ACTIVE));
    line(text, "v_wire_count", stats.global(PageCount.WIRED));
    FreeLevels levels = machine.page().gate().pressure().levels();
    for (FreeLevel level : LEVELS) {
      line(text, level.label(), levels.get(level));
    }
    return text.toString();
  }

  /// The zones of the kernel memory, one a line (`vm.zone`).
  public String zones() {
    StringBuilder text =
        new StringBuilder("ITEM            SIZE     LIMIT    USED     FREE     REQUESTS\n");
    Kernel kernel = machine.kernelIfMade();
    if (kernel != null) {
      for (Zone zone : kernel.zones()) {
        text.append(
            "%-15s %-8d %-8d %-8d %-8d %d%n"
                .formatted(
                    zone.name(),
                    zone.itemBytes(),
                    zone.limit(),
                    zone.used(),
                    zone.free(),
                    zone.requests()));
      }
    }
    return text.toString();
  }

  private static void line(StringBuilder text, String label, long value) {
    text.append("vmstats.").append(label).append(": ").append(value).append('\n');
  }

  /// The lengths of the queues, colour 0 first (`show pageq`, `vm_page_print_pageq_info`).
  public String pageq() {
    StringBuilder text = new StringBuilder();
    for (PageQueue kind : QUEUES) {
      text.append("PQ_").append(kind).append(':');
      for (int color = 0; color < PageQueue.COLORS; color++) {
        text.append(' ').append(machine.page().queues().length(kind.index(color)));
      }
      text.append('\n');
    }
    return text.toString();
  }

  /// One page, decoded.
  ///
  /// @param page the number of a page that has a frame
  public PageState page(int page) {
    PageSnapshot now = PageSnapshot.of(machine.page().pages(), page);
    @Nullable VmObject object = machine.objects().peek(now.object());
    boolean queued = now.queue() != 0;
    return new PageState(
        now.page(),
        now.address(),
        now.hardBusy(),
        now.wanted(),
        now.swapping(),
        now.softHolders(),
        now.flags(),
        queued ? PageQueue.kindOf(now.queue()).name() : "NONE",
        queued ? PageQueue.colorOf(now.queue()) : machine.page().pages().color(page),
        now.wireCount(),
        now.holdCount(),
        object == null ? -1 : object.id(),
        now.object(),
        now.pindex(),
        now.valid(),
        now.dirty(),
        now.activity(),
        now.attribute().name(),
        now.interlocks(),
        now.spinLocked(),
        now.ticket(),
        machine.grace().isOpen(now.ticket()));
  }
}
