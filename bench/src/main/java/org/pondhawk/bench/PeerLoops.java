package org.pondhawk.bench;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import com.github.benmanes.caffeine.cache.Cache;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/// Random loads and stores of 8 bytes through other page caches.
final class PeerLoops {
  private static final int PAGE_SHIFT = Integer.numberOfTrailingZeros(PeersComparison.PAGE);
  private static final long OFFSET_MASK = PeersComparison.PAGE - 1L;

  private PeerLoops() {}

  static Work caffeineReads(Cache<Long, MemorySegment> cache, long bytes) {
    int shift = Walk.shiftFor(bytes);
    return (seed, n) -> caffeineReads(cache, shift, seed, n);
  }

  private static long caffeineReads(Cache<Long, MemorySegment> cache, int shift, long seed, int n) {
    long state = seed;
    long sum = 0;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      long place = Walk.place(state, shift);
      sum += cached(cache, place).get(JAVA_LONG, place & OFFSET_MASK);
    }
    return sum;
  }

  static Work caffeineWrites(Cache<Long, MemorySegment> cache, long bytes) {
    int shift = Walk.shiftFor(bytes);
    return (seed, n) -> caffeineWrites(cache, shift, seed, n);
  }

  private static long caffeineWrites(
      Cache<Long, MemorySegment> cache, int shift, long seed, int n) {
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      long place = Walk.place(state, shift);
      cached(cache, place).set(JAVA_LONG, place & OFFSET_MASK, i);
    }
    return state;
  }

  private static MemorySegment cached(Cache<Long, MemorySegment> cache, long place) {
    MemorySegment page = cache.getIfPresent(place >>> PAGE_SHIFT);
    if (page == null) {
      throw new IllegalStateException("the cache is not full");
    }
    return page;
  }

  static void fill(FileChannel channel, long bytes) throws IOException {
    ByteBuffer block = ByteBuffer.allocateDirect(1 << 16);
    for (long at = 0; at < bytes; at += channel.write(block.clear(), at)) {}
  }

  static Work fileReads(FileChannel channel, long bytes) {
    int shift = Walk.shiftFor(bytes);
    ByteBuffer word = ByteBuffer.allocateDirect(Long.BYTES);
    return (seed, n) -> {
      try {
        return fileReads(channel, word, shift, seed, n);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    };
  }

  private static long fileReads(FileChannel channel, ByteBuffer word, int shift, long seed, int n)
      throws IOException {
    long state = seed;
    long sum = 0;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      channel.read(word.clear(), Walk.place(state, shift));
      sum += word.getLong(0);
    }
    return sum;
  }

  static Work fileWrites(FileChannel channel, long bytes) {
    int shift = Walk.shiftFor(bytes);
    ByteBuffer word = ByteBuffer.allocateDirect(Long.BYTES);
    return (seed, n) -> {
      try {
        return fileWrites(channel, word, shift, seed, n);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    };
  }

  private static long fileWrites(FileChannel channel, ByteBuffer word, int shift, long seed, int n)
      throws IOException {
    long state = seed;
    for (int i = 0; i < n; i++) {
      state = Walk.next(state);
      word.clear().putLong(0, i);
      channel.write(word, Walk.place(state, shift));
    }
    return state;
  }
}
