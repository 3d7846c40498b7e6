package org.pondhawk.vm.pageout;

import org.pondhawk.vm.object.ObjectTable;
import org.pondhawk.vm.object.RunWriter;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.swap.SwapStore;
import org.pondhawk.vm.sync.Grace;

/// The parts of the machine that the pageout daemon works with.
///
/// @param runs what writes pages of objects that have pagers of their own
public record PageoutParts(
    PageParts page,
    PageAllocator allocator,
    ObjectTable objects,
    Mappings mappings,
    SwapStore swap,
    RunWriter runs,
    Grace grace) {}
