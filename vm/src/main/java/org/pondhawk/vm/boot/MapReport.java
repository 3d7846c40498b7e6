package org.pondhawk.vm.boot;

import java.util.ArrayList;
import java.util.List;
import org.pondhawk.vm.page.PhysicalMap;
import org.pondhawk.vm.queue.DmaReserve;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.stats.MemoryMap;
import org.pondhawk.vm.stats.PhysicalRange;

/// Tells what became of the physical memory of a machine.
final class MapReport {
  private MapReport() {}

  /// The map of a machine as of now.
  static MemoryMap of(Machine machine, PhysicalLayout layout) {
    PhysicalMap map = layout.map();
    DmaReserve reserve = machine.contig().reserve();
    return new MemoryMap(
        machine.spec().pageSize(),
        machine.spec().physicalBytes(),
        map.physical(0),
        map.pageCount(),
        map.frameCount(),
        layout.ranges(),
        layout.duplicates(),
        holes(map),
        layout.overhead(),
        machine.memory().breakdown(),
        machine.nodes().wiredPages().length,
        machine.page().stats().total(Event.TABLE_FRAMES),
        reserve.pageCount(),
        reserve.freePages(),
        machine.page().pages().foreign().count(),
        machine.allocator().fictitious().inUse());
  }

  private static List<PhysicalRange> holes(PhysicalMap map) {
    List<PhysicalRange> holes = new ArrayList<>();
    int end = 0;
    for (int n = 0; n < map.stretches(); n++) {
      if (map.start(n) > end) {
        holes.add(new PhysicalRange(map.physical(end), map.physical(map.start(n))));
      }
      end = map.end(n);
    }
    return List.copyOf(holes);
  }
}
