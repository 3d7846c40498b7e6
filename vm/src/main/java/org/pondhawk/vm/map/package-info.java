/// Address maps: entries, the chains of objects behind them, whole address spaces, fork and
/// snapshots, and the leases of a space.
@NullMarked
package org.pondhawk.vm.map;

import org.jspecify.annotations.NullMarked;
