/// The machine put together: every part made in order and wired to the ports of the floors below.
@NullMarked
package org.pondhawk.vm.boot;

import org.jspecify.annotations.NullMarked;
