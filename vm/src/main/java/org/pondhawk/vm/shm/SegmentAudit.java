package org.pondhawk.vm.shm;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.pondhawk.vm.map.Space;

/// Compares the counts of segments with what is attached.
final class SegmentAudit {
  private final SegmentTable table;
  private final Map<Space, List<Attached>> attached;
  private final List<String> problems = new ArrayList<>();

  SegmentAudit(SegmentTable table, Map<Space, List<Attached>> attached) {
    this.table = table;
    this.attached = attached;
  }

  List<String> problems() {
    Map<Segment, Integer> counts = new HashMap<>();
    attached.forEach((space, all) -> {
      require(!space.isClosed(), "space %d is closed and has segments attached", space.id());
      all.forEach(a -> counts.merge(a.segment, 1, Integer::sum));
    });
    long pages = 0;
    for (Segment segment : table.all()) {
      int seen = counts.getOrDefault(segment, 0);
      counts.remove(segment);
      pages += segment.object.size();
      require(seen == segment.attachments, "%s: %d are there", segment, seen);
      require(!segment.isOver(), "%s: it is over, and is there", segment);
      require(segment.object.keepsUnshown(), "%s: pages go with their mappings", segment);
    }
    counts.keySet().forEach(s -> require(false, "%s: attached, and is not there", s));
    require(
        pages == table.committedPages(),
        "segments have %d pages, and %d are counted",
        pages,
        table.committedPages());
    return problems;
  }

  @SuppressWarnings("AnnotateFormatMethod") // the annotation would be a dependency
  private void require(boolean holds, String format, Object... what) {
    if (!holds) {
      problems.add(format.formatted(what));
    }
  }
}
