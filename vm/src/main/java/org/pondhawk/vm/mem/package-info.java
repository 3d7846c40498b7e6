/// Raw memory: the arena of frames, the memory of the own structures of the VM, the topology of the
/// machine, and every native call.
@NullMarked
package org.pondhawk.vm.mem;

import org.jspecify.annotations.NullMarked;
