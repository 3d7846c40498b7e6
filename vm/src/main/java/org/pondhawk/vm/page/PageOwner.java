package org.pondhawk.vm.page;

import org.pondhawk.vm.sync.VmThread;

/// The port through which lower floors reach the object that owns a page.
public interface PageOwner {
  /// Takes the object of a page exclusively if that needs no waiting.
  ///
  /// @param self the calling thread
  /// @param page a hard-busy page that belongs to an object
  /// @return true if the object is now held and [#disown] must follow
  boolean tryOwn(VmThread self, int page);

  /// Takes a page out of the object that [#tryOwn] took, and gives the object back.
  ///
  /// @param self the calling thread
  /// @param page the same page
  void removeAndDisown(VmThread self, int page);

  /// Takes a page out of its object, waiting for the object (`vm_page_remove`).
  ///
  /// @param self the calling thread
  /// @param page a hard-busy page; nothing happens if it has no object
  void remove(VmThread self, int page);

  /// Notes that the object of a page may have pages that are newer than their backing
  /// (`vm_object_set_writeable_dirty`).
  ///
  /// @param page a page; nothing happens if it has no object
  void noteDirty(int page);

  /// Notes that the object of a page has lost bytes that were good (its `generation` advances).
  ///
  /// @param page a hard-busy page that belongs to an object
  void noteInvalid(int page);
}
