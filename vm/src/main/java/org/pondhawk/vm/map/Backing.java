package org.pondhawk.vm.map;

import org.pondhawk.vm.object.Attachment;
import org.pondhawk.vm.object.Translations;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.pmap.Pmap;

/// What a map entry shows: a range of an object (`vm_map_backing`). Never changed: a split makes
/// two new ones.
///
/// @param start the first address
/// @param end the address behind the last
/// @param object the object shown; each backing has one reference to it
/// @param firstPindex the index in the object of the page at `start`
/// @param pmap the page table of the address space
public record Backing(long start, long end, VmObject object, long firstPindex, Pmap pmap)
    implements Attachment {

  @Override
  public Translations translations() {
    return pmap;
  }

  /// The part of this backing that shows a smaller range.
  Backing part(long partStart, long partEnd, int pageShift) {
    long skipped = (partStart - start) >>> pageShift;
    return new Backing(partStart, partEnd, object, firstPindex + skipped, pmap);
  }

  /// The index in the object of the page at an address.
  public long pindex(long address, int pageShift) {
    return firstPindex + ((address - start) >>> pageShift);
  }
}
