package org.pondhawk.bench;

import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.WRITE;

import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

/// The same accesses through other page caches, all of them warm.
final class PeersComparison implements Comparison {
  static final int PAGE = 8 << 10;

  /// So many that what it takes to ask another process for them does not count.
  private static final int CHUNK = 200_000;

  @Override
  public String name() {
    return "peers";
  }

  @Override
  public String line() {
    return "random 8-byte reads and writes beside Caffeine of segments, file reads and Neo4j's cursor";
  }

  @Override
  public void run(Effort effort, Report report) throws Exception {
    long bytes = effort.sizes().getFirst();
    report.doing("%s, %d KiB pages".formatted(Memory.words(bytes), PAGE >> 10));
    Path file = Files.createTempFile("pondhawk-bench", ".data");
    try (Arena arena = Arena.ofShared();
        Rig rig = Rig.boot(bytes, 0, PAGE, false).touchAll();
        FileChannel channel = FileChannel.open(file, READ, WRITE);
        Neo4jPeer neo4j = Neo4jPeer.start(report, bytes)) {
      PeerLoops.fill(channel, bytes);
      Cache<Long, MemorySegment> cache = caffeine(arena, bytes);
      Turns turns =
          new Turns(effort, CHUNK)
              .add("read", HitLoops.viewReads(rig.view, rig.base, bytes))
              .add("caffeine read", PeerLoops.caffeineReads(cache, bytes))
              .add("file read", PeerLoops.fileReads(channel, bytes))
              .add("write", HitLoops.viewWrites(rig.view, rig.base, bytes))
              .add("caffeine write", PeerLoops.caffeineWrites(cache, bytes))
              .add("file write", PeerLoops.fileWrites(channel, bytes));
      neo4j.addTo(turns);
      Map<String, Double> times = turns.run();
      for (String access : new String[] {"read", "write"}) {
        row(report, times, access, "Caffeine of segments", "caffeine ");
        row(report, times, access, "FileChannel, cached file", "file ");
        row(report, times, access, "Neo4j's page cache cursor", Neo4jPeer.PREFIX);
      }
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private static void row(
      Report report, Map<String, Double> times, String access, String against, String prefix) {
    report.row(
        access + ", 8 KiB pages",
        times.getOrDefault(access, Double.NaN),
        Row.Unit.NANOS,
        against,
        times.get(prefix + access));
  }

  /// As a cache of pages would be built on it: bounded, and full.
  private static Cache<Long, MemorySegment> caffeine(Arena arena, long bytes) {
    Cache<Long, MemorySegment> cache = Caffeine.newBuilder().maximumSize(2 * bytes / PAGE).build();
    for (long page = 0; page < bytes / PAGE; page++) {
      cache.put(page, arena.allocate(PAGE, Long.BYTES).fill((byte) 1));
    }
    return cache;
  }
}
