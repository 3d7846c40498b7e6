/// Segments of memory that address spaces share by a number or a key (System V shared memory).
@NullMarked
package org.pondhawk.vm.shm;

import org.jspecify.annotations.NullMarked;
