package org.pondhawk.vm.pager;

/// Makes the pager that an anonymous object gets when its first page must be written out.
@FunctionalInterface
public interface PagerSource {
  /// Makes a pager without any block.
  BlockPager newPager();
}
