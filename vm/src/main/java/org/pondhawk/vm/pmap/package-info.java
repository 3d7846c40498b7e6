/// Page tables in software: entering and removing mappings, finding every mapping of a page, and
/// its referenced and modified bits.
@NullMarked
package org.pondhawk.vm.pmap;

import org.jspecify.annotations.NullMarked;
