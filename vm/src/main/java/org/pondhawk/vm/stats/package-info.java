/// What a machine tells about itself: counters, tunables, and the plain records that dumps are made
/// of.
@NullMarked
package org.pondhawk.vm.stats;

import org.jspecify.annotations.NullMarked;
