/// The coloured page queues, the counters and levels that steer them, and the allocators that take
/// from them.
@NullMarked
package org.pondhawk.vm.queue;

import org.jspecify.annotations.NullMarked;
