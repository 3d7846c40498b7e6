/// The exceptions of the machine, beneath every other package because every floor may throw them.
@NullMarked
package org.pondhawk.vm.error;

import org.jspecify.annotations.NullMarked;
