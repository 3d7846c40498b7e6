/// Memory objects: which pages are resident, who holds the object, and how its pages are cleaned
/// and removed.
@NullMarked
package org.pondhawk.vm.object;

import org.jspecify.annotations.NullMarked;
