package org.pondhawk.vm.stats;

import java.util.List;
import java.util.Map;

/// Where the physical memory of a machine lies and what became of it: the frames that it manages,
/// and what the machine takes for itself.
///
/// [#budgetBytes] = frames, of [#frameCount], and [#structureBytes] together, and less than a page
/// that is left over.
///
/// @param pageSize in bytes
/// @param budgetBytes the whole: each byte of the ranges counted once
/// @param firstPage the physical address of page 0
/// @param descriptorCount page numbers, those of holes included
/// @param frameCount pages that have memory and are managed (`v_page_count`)
/// @param ranges what was given, in whole pages, disjoint and ascending
/// @param duplicates what was given more than once, and is counted once
/// @param holes between the managed pages: descriptors, but no memory
/// @param overhead what was taken off the top of the largest range for the structures
/// @param structures the bytes of each structure of fixed size, by what it is
/// @param indexFrames frames that are nodes of indexes now
/// @param tableFrames frames that stand for pieces of page tables now
/// @param reserveFrames frames of the reserve for runs (`v_dma_pages`)
/// @param reserveFree those of them that are free (`vm.dma_free_pages`)
/// @param fictitiousPages pages for memory that is not the machine's
/// @param fictitiousInUse those of them that stand for some
public record MemoryMap(
    int pageSize,
    long budgetBytes,
    long firstPage,
    long descriptorCount,
    long frameCount,
    List<PhysicalRange> ranges,
    List<PhysicalRange> duplicates,
    List<PhysicalRange> holes,
    PhysicalRange overhead,
    Map<String, Long> structures,
    long indexFrames,
    long tableFrames,
    long reserveFrames,
    long reserveFree,
    long fictitiousPages,
    long fictitiousInUse) {

  /// What the structures of fixed size take together, in bytes.
  public long structureBytes() {
    return structures.values().stream().mapToLong(Long::longValue).sum();
  }

  /// The map in lines of text, for people: ranges first, then what was taken from them.
  public String describe() {
    StringBuilder text = new StringBuilder();
    for (PhysicalRange range : ranges) {
      line(text, "memory", range + ", " + range.bytes() + " bytes");
    }
    for (PhysicalRange hole : holes) {
      line(text, "hole", hole + ", " + hole.bytes() + " bytes");
    }
    for (PhysicalRange duplicate : duplicates) {
      line(text, "given twice", duplicate.toString());
    }
    structures.forEach((what, bytes) -> line(text, what, bytes + " bytes"));
    line(text, "structures", overhead + ", " + structureBytes() + " bytes");
    line(text, "frames", frameCount + " of " + pageSize + " bytes");
    line(text, "indexes", indexFrames + " frames");
    line(text, "page tables", tableFrames + " frames");
    line(text, "reserve", reserveFrames + " frames, " + reserveFree + " free");
    line(text, "fictitious", fictitiousPages + " pages, " + fictitiousInUse + " in use");
    return text.toString();
  }

  private static void line(StringBuilder text, String what, String how) {
    text.append("%-18s %s\n".formatted(what, how));
  }
}
