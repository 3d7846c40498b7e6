package org.pondhawk.vm.queue;

/// What takes back the memory that no address space can see any more: the port through which who
/// finds no memory asks for it, before it waits for memory that somebody uses.
public interface UnseenPages {
  /// Nothing is ever unseen.
  UnseenPages NONE =
      new UnseenPages() {
        @Override
        public boolean reclaim(boolean lastChance) {
          return false;
        }

        @Override
        public void memoryIsShort() {}
      };

  /// Takes some back, in the calling thread, which holds nothing. May wait for a map.
  ///
  /// @param lastChance whether the caller fails otherwise, so that no effort is too much
  /// @return whether anything was freed or moved, so that it is worth trying again
  boolean reclaim(boolean lastChance);

  /// Notes that memory has become short. Does not wait.
  void memoryIsShort();
}
