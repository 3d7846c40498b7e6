package org.pondhawk.vm.kmem;

import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.queue.ContigAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.VmThread;

/// The parts of a machine that its kernel memory works with.
///
/// @param page the page layer
/// @param map what spaces are made of
/// @param owner puts pages into objects
/// @param contig where frames within bounds come from
/// @param freeing a record of a system thread, for pages that are freed while a map is locked
public record KernelParts(
    PageParts page, Space.Parts map, ObjectOwner owner, ContigAllocator contig, VmThread freeing) {
  int pageSize() {
    return page.pages().frames().pageSize();
  }

  int pageShift() {
    return page.pages().frames().pageShift();
  }
}
