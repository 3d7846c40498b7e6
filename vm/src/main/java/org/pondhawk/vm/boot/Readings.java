package org.pondhawk.vm.boot;

import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;
import org.pondhawk.vm.kmem.Kernel;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.FreeLevel;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.queue.VmStats;

/// The numbers of a machine that can only be read: counts, levels, meters (the reference's
/// `vm.stats`, `vm.vmstats`, `vm.vmmeter`, `vm.vmtotal`).
public final class Readings {
  private static final String STATS = "vm.stats.vm.";

  private static final List<Reading> OF_EVERY_MACHINE = List.copyOf(ofEveryMachine());

  private Readings() {}

  /// Those that every machine has.
  public static List<Reading> ofAll() {
    return OF_EVERY_MACHINE;
  }

  /// The meters of each processor that a machine is made for, as `vm.cpu0.vmmeter.v_tfree`.
  ///
  /// @param cpus how many it is made for
  public static List<Reading> perCpu(int cpus) {
    List<Reading> all = new ArrayList<>();
    for (int cpu = 0; cpu < cpus; cpu++) {
      int stripe = cpu;
      for (Meter meter : Meter.values()) {
        all.add(
            new Reading(
                "vm.cpu" + cpu + ".vmmeter." + meter.label,
                "",
                meter.what,
                m -> meter.total(m.page().stats(), stripe)));
      }
    }
    return all;
  }

  private static List<Reading> ofEveryMachine() {
    List<Reading> all = new ArrayList<>();
    addSizes(all);
    addCounts(all);
    for (FreeLevel level : FreeLevel.values()) {
      if (level != FreeLevel.MAX_LAUNDER) {
        all.add(
            new Reading(
                STATS + level.label(),
                "pages",
                level == FreeLevel.INTERRUPT_MIN
                    ? "The last pages, for who can't wait."
                    : "What vm." + level.label() + " is.",
                m -> m.page().gate().pressure().levels().get(level)));
      }
    }
    for (Meter meter : Meter.values()) {
      all.add(new Reading(STATS + meter.label, "", meter.what, m -> meter.total(m.page().stats())));
    }
    addSwap(all);
    addKernel(all);
    addTotals(all);
    return all;
  }

  private static void addSizes(List<Reading> all) {
    all.add(
        new Reading(
            STATS + "v_page_size", "bytes", "The size of a page.", m -> m.spec().pageSize()));
    all.add(
        new Reading(
            STATS + "v_page_count",
            "pages",
            "Frames that the machine manages.",
            m -> m.page().pages().frameCount()));
    all.add(
        new Reading(
            STATS + "v_dma_pages",
            "pages",
            "Frames that were kept for runs at boot.",
            m -> m.spec().reserveFrames()));
    all.add(
        new Reading(
            "vm.dma_free_pages",
            "pages",
            "Free frames of the reserve for runs.",
            m -> m.contig().reserve().freePages()));
  }

  private static void addCounts(List<Reading> all) {
    addCount(all, "v_free_count", "Pages on the free queues.", PageCount.FREE);
    addCount(all, "v_cache_count", "Pages on the cache queues.", PageCount.CACHE);
    addCount(all, "v_inactive_count", "Pages on the inactive queues.", PageCount.INACTIVE);
    addCount(all, "v_active_count", "Pages on the active and the hold queues.", PageCount.ACTIVE);
    addCount(all, "v_wire_count", "Pages that are wired.", PageCount.WIRED);
  }

  private static void addCount(List<Reading> all, String label, String what, PageCount count) {
    all.add(new Reading(STATS + label, "pages", what, m -> rolledUp(m).global(count)));
  }

  private static VmStats rolledUp(Machine machine) {
    VmStats stats = machine.page().stats();
    stats.rollup();
    return stats;
  }

  private static void addKernel(List<Reading> all) {
    all.add(
        new Reading(
            "vm.kvm_size",
            "bytes",
            "Addresses of the machine's own memory.",
            m -> m.spec().kernelRange()));
    all.add(
        new Reading(
            "vm.kvm_free",
            "bytes",
            "Addresses of the machine's own memory that are not taken.",
            m -> {
              Kernel kernel = m.kernelIfMade();
              return m.spec().kernelRange() - (kernel == null ? 0 : kernel.area().used());
            }));
  }

  private static void addSwap(List<Reading> all) {
    addSwap(all, "vm.swap_size", "Swap in all.", m -> m.swap().total());
    addSwap(
        all, "vm.swap_free", "Swap that is not in use.", m -> m.swap().total() - m.swap().used());
    addSwap(all, "vm.swap_anon_use", "Swap in use.", m -> m.swap().used());
    all.add(
        new Reading(
            "vm.stats.misc.cnt_prezero",
            "pages",
            "Frames zeroed before anybody asked for them.",
            m -> m.page().stats().total(Event.ZEROED_AHEAD)));
  }

  private static void addSwap(
      List<Reading> all, String name, String what, ToLongFunction<Machine> of) {
    all.add(new Reading(name, "pages", what, of));
  }

  /// What of the reference's `vmtotal` has a meaning without processes (`do_vmtotal`).
  private static void addTotals(List<Reading> all) {
    String prefix = "vm.vmtotal.";
    all.add(
        new Reading(prefix + "t_rm", "pages", "Resident pages of objects.", Readings::resident));
    all.add(
        new Reading(
            prefix + "t_vm",
            "pages",
            "Resident pages of objects, and swap in use.",
            m -> resident(m) + m.swap().used()));
    all.add(
        new Reading(
            prefix + "t_free",
            "pages",
            "Pages that are free or cached.",
            m -> {
              VmStats stats = rolledUp(m);
              return stats.global(PageCount.FREE) + stats.global(PageCount.CACHE);
            }));
  }

  private static long resident(Machine machine) {
    long sum = 0;
    for (VmObject object : machine.objects().all()) {
      sum += object.resident().size();
    }
    return sum;
  }
}
