/// Page faults: the walk from an address that has no valid mapping to a page that has one.
@NullMarked
package org.pondhawk.vm.fault;

import org.jspecify.annotations.NullMarked;
