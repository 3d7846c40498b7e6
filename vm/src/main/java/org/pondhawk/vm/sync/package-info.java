/// Waiting and excluding: lock ranks and their order, spin locks, wait channels, the ticker, the
/// current CPU, and grace periods.
@NullMarked
package org.pondhawk.vm.sync;

import org.jspecify.annotations.NullMarked;
