package org.pondhawk.vm.queue;

import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;

/// The parts of the page layer, as those who use it need them together.
///
/// @param pages the descriptors
/// @param busy the busy protocol
/// @param queues the queues
/// @param mover the transitions between queues
/// @param stats the counts
/// @param gate where allocation waits
public record PageParts(
    PageArray pages,
    PageBusy busy,
    PageQueues queues,
    PageMover mover,
    VmStats stats,
    FreeGate gate) {}
