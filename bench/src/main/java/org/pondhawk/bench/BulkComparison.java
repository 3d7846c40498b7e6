package org.pondhawk.bench;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.pondhawk.vm.PageWindow;
import org.pondhawk.vm.View;

/// Many bytes at a time, and one after the other.
final class BulkComparison implements Comparison {
  private static final int BLOCK = 64 << 10;
  private static final int BLOCKS_PER_LOOK = 16;
  private static final double MIB_PER_BYTE = 1.0 / Memory.MIB;
  private static final double NANOS = 1e9;

  @Override
  public String name() {
    return "bulk";
  }

  @Override
  public String line() {
    return "copies of 64 KiB beside memcpy, and sequential reads beside those of a raw segment";
  }

  @Override
  public void run(Effort effort, Report report) {
    long bytes = effort.sizes().getFirst();
    for (int pageSize : new int[] {4 << 10, 64 << 10}) {
      String where = "%s, %d KiB pages".formatted(Memory.words(bytes), pageSize >> 10);
      report.doing(where);
      try (Rig rig = Rig.boot(bytes, 0, pageSize, false).touchAll();
          RawRange raw = new RawRange(bytes, false).touchAll()) {
        copies(effort, report, rig, raw.segment, where);
        sequential(effort, report, rig, raw.segment, where);
      }
    }
    report.note("sequential reads: a MiB at a time; a page window is opened for each");
  }

  private static void copies(
      Effort effort, Report report, Rig rig, MemorySegment raw, String where) {
    byte[] block = new byte[BLOCK];
    int shift = Walk.shiftFor(rig.bytes);
    Map<String, Double> times =
        new Turns(effort, BLOCKS_PER_LOOK)
            .add("raw out", (seed, n) -> rawOut(raw, shift, block, seed, n))
            .add("out", (seed, n) -> out(rig.view, rig.base, shift, block, seed, n))
            .add("raw in", (seed, n) -> rawIn(raw, shift, block, seed, n))
            .add("in", (seed, n) -> in(rig.view, rig.base, shift, block, seed, n))
            .run();
    for (String way : new String[] {"out", "in"}) {
      report.row(
          "copy 64 KiB " + way + ", " + where,
          speed(times.get(way)),
          Row.Unit.MIB_PER_SECOND,
          "MemorySegment.copy",
          speed(times.get("raw " + way)));
    }
  }

  private static double speed(@org.jspecify.annotations.Nullable Double nanosPerBlock) {
    return nanosPerBlock == null ? Double.NaN : BLOCK * MIB_PER_BYTE / nanosPerBlock * NANOS;
  }

  private static long blockAt(long state, int shift) {
    return Walk.place(state, shift) & -BLOCK;
  }

  private static long rawOut(MemorySegment raw, int shift, byte[] block, long seed, int n) {
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      MemorySegment.copy(raw, JAVA_BYTE, blockAt(state, shift), block, 0, BLOCK);
    }
    return block[(int) state & (BLOCK - 1)];
  }

  private static long out(View view, long base, int shift, byte[] block, long seed, int n) {
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      view.copyTo(base + blockAt(state, shift), block, 0, BLOCK);
    }
    return block[(int) state & (BLOCK - 1)];
  }

  private static long rawIn(MemorySegment raw, int shift, byte[] block, long seed, int n) {
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      MemorySegment.copy(block, 0, raw, JAVA_BYTE, blockAt(state, shift), BLOCK);
    }
    return state;
  }

  private static long in(View view, long base, int shift, byte[] block, long seed, int n) {
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      view.copyFrom(block, 0, BLOCK, base + blockAt(state, shift));
    }
    return state;
  }

  private static void sequential(
      Effort effort, Report report, Rig rig, MemorySegment raw, String where) {
    int words = (int) (Math.min(rig.bytes, Memory.MIB) / Long.BYTES);
    Map<String, Double> times =
        new Turns(effort, words)
            .add("raw", (seed, n) -> rawScan(raw, start(seed, rig), n))
            .add("view", (seed, n) -> scan(rig.view, rig.base + start(seed, rig), n))
            .add("window", (seed, n) -> windowScan(rig.view, rig.base + start(seed, rig), n))
            .run();
    for (String way : new String[] {"window", "view"}) {
      report.row(
          "sequential reads through the %s, %s".formatted(way, where),
          times.getOrDefault(way, Double.NaN),
          Row.Unit.NANOS,
          "raw segment",
          times.get("raw"));
    }
  }

  private static long windowScan(View view, long from, int words) {
    long sum = 0;
    try (PageWindow window = view.window(from, (long) words * Long.BYTES)) {
      while (window.next()) {
        sum += sum(window.bytes());
      }
    }
    return sum;
  }

  private static long sum(MemorySegment page) {
    long sum = 0;
    for (long i = 0; i < page.byteSize(); i += Long.BYTES) {
      sum += page.get(JAVA_LONG, i);
    }
    return sum;
  }

  private static long start(long seed, Rig rig) {
    return Math.floorMod(seed * Memory.MIB, rig.bytes);
  }

  private static long rawScan(MemorySegment raw, long from, int words) {
    long sum = 0;
    for (int i = 0; i < words; i++) {
      sum += raw.get(JAVA_LONG, from + (long) i * Long.BYTES);
    }
    return sum;
  }

  private static long scan(View view, long from, int words) {
    long sum = 0;
    for (int i = 0; i < words; i++) {
      sum += view.getLong(from + (long) i * Long.BYTES);
    }
    return sum;
  }
}
