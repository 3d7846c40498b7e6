/// The checker of invariants: reads every structure of a machine, changes none, and says what is
/// wrong.
@NullMarked
package org.pondhawk.vm.check;

import org.jspecify.annotations.NullMarked;
