package org.pondhawk.vm.boot;

import java.util.List;
import org.pondhawk.vm.shm.ShmLimits;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.Tunable.Change;

/// How much memory may be shared, as tunables.
final class ShmTunables {
  private static final long MOST_BYTES = 1L << 46;
  private static final int MOST_SEGMENTS = 1 << 15;
  private static final long MOST_PAGES = 1L << 34;

  private final Tunable least =
      Tunable.live("kern.ipc.shmmin", 1, MOST_BYTES, 1, "The size of the least shared segment.")
          .in("bytes");

  private final Tunable most =
      Tunable.live("kern.ipc.shmmax", 1, MOST_BYTES, 1, "The size of the largest shared segment.")
          .in("bytes")
          .derived("shmall pages");

  private final Tunable segments =
      Tunable.live(
              "kern.ipc.shmmni", 0, MOST_SEGMENTS, 512, "How many shared segments there may be.")
          .in("segments");

  private final Tunable attached =
      Tunable.live(
              "kern.ipc.shmseg",
              0,
              MOST_SEGMENTS,
              1024,
              "How many shared segments a space may have attached.")
          .in("segments");

  private final Tunable pages =
      Tunable.live("kern.ipc.shmall", 0, MOST_PAGES, 1, "The size of all shared segments together.")
          .in("pages")
          .derived("2/3 of all frames");

  private final Tunable allowRemoved =
      Tunable.flag(
          "kern.ipc.shm_allow_removed",
          Change.LIVE,
          true,
          "A segment that was removed can be attached for as long as it is attached anywhere.");

  List<Tunable> all() {
    return List.of(least, most, segments, attached, pages, allowRemoved);
  }

  /// Works out what depends on the machine.
  void settle(int pageCount, int pageSize) {
    long shared = pageCount * 2L / 3;
    pages.settle(shared);
    most.settle(shared * pageSize);
  }

  ShmLimits limits() {
    return new ShmLimits(least, most, segments, attached, pages, allowRemoved);
  }
}
