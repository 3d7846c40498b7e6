package org.pondhawk.testkit;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.pondhawk.vm.PageLease;
import org.pondhawk.vm.View;

/// Snapshots of one thread that stay open while it goes on, each with what it showed at first.
final class KeptSnapshots {
  private static final int MOST = 3;

  private final List<Kept> kept = new ArrayList<>();

  private record Kept(View view, PageLease lease, List<byte[]> bytes) {
    /// What it shows that it did not show at first, or nothing.
    String difference() {
      List<MemorySegment> segments = lease.segments();
      for (int i = 0; i < segments.size(); i++) {
        byte[] now = segments.get(i).toArray(ValueLayout.JAVA_BYTE);
        int at = Arrays.mismatch(now, bytes.get(i));
        if (at >= 0) {
          return "%s: byte %d of segment %d is %d, was %d"
              .formatted(lease, at, i, now[at], bytes.get(i)[at]);
        }
      }
      return "";
    }
  }

  boolean isFull() {
    return kept.size() == MOST;
  }

  void keep(View view, PageLease lease) {
    List<byte[]> bytes = new ArrayList<>();
    lease.segments().forEach(segment -> bytes.add(segment.toArray(ValueLayout.JAVA_BYTE)));
    kept.add(new Kept(view, lease, bytes));
  }

  /// Closes the oldest.
  ///
  /// @return what has changed in it, or nothing
  String closeOldest() {
    if (kept.isEmpty()) {
      return "";
    }
    Kept oldest = kept.removeFirst();
    String difference = oldest.difference();
    oldest.lease().close();
    return difference;
  }

  /// Before a view is closed, and its leases with it.
  ///
  /// @return what has changed in them, or nothing
  @SuppressWarnings("ReferenceEquality") // this very view
  String forget(View view) {
    StringBuilder differences = new StringBuilder();
    for (Kept each : kept) {
      differences.append(each.view() == view ? each.difference() : "");
    }
    kept.removeIf(each -> each.view() == view);
    return differences.toString();
  }
}
