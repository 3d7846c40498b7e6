package org.pondhawk.vm.map;

import org.pondhawk.vm.sync.VmThread;

/// Shortens chains that can't be merged, by copying what can be seen of them: the port through
/// which the collapser has it done on a floor above.
@FunctionalInterface
public interface ChainCopying {
  /// Copies some of what a deep chain of a space shows up into its head, and cuts off what is seen
  /// through it no more. May wait for memory and for I/O.
  ///
  /// @return whether there is more to do
  boolean copySome(VmThread self, Space space);
}
