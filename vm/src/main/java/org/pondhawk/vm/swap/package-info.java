/// Swap: the pager over swap devices, the maps from pages to blocks, and the allocator of blocks.
@NullMarked
package org.pondhawk.vm.swap;

import org.jspecify.annotations.NullMarked;
