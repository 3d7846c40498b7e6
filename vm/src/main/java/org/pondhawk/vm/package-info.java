/// The virtual memory system as its users meet it: boot, address spaces, views, leases, memory
/// objects and the exceptions they throw.
@NullMarked
package org.pondhawk.vm;

import org.jspecify.annotations.NullMarked;
