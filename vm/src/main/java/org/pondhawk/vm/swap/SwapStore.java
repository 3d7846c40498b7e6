package org.pondhawk.vm.swap;

import java.io.IOException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.object.RadixNodes;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.pager.BlockPager;
import org.pondhawk.vm.pager.PagerSource;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.sync.VmThread;

/// What all swap pagers of a machine share: the file, its space, and the way to do I/O.
public final class SwapStore implements PagerSource {
  private final @Nullable SwapIo file;
  private final @Nullable SwapSpace space;
  private final RadixNodes nodes;
  private final PageArray pages;
  private final PageBusy busy;
  private final VmStats stats;
  private final SwapReader reader;
  private final Executor io;

  /// Makes the store of a machine.
  ///
  /// @param file where pages go, or null for a machine without swap
  /// @param space which blocks of it are free, or null likewise
  /// @param reader reads pages in
  /// @param io runs the transfers of virtual threads, whose carrier a native call would pin
  public SwapStore(
      @Nullable SwapIo file,
      @Nullable SwapSpace space,
      RadixNodes nodes,
      PageArray pages,
      PageBusy busy,
      VmStats stats,
      SwapReader reader,
      Executor io) {
    this.file = file;
    this.space = space;
    this.nodes = nodes;
    this.pages = pages;
    this.busy = busy;
    this.stats = stats;
    this.reader = reader;
    this.io = io;
  }

  @Override
  public BlockPager newPager() {
    return new SwapPager(this);
  }

  /// Makes a writer for a daemon.
  public SwapWriter newWriter() {
    return new SwapWriter(this);
  }

  /// Whether no block can be had at all: swap is full, or there is none.
  public boolean isFull() {
    return space == null || space.isFull();
  }

  /// Blocks in use.
  public long used() {
    return space == null ? 0 : space.used();
  }

  /// The most blocks that were ever in use.
  public long peakUsed() {
    return space == null ? 0 : space.peakUsed();
  }

  /// Blocks in all.
  public long total() {
    return space == null ? 0 : space.total();
  }

  RadixNodes nodes() {
    return nodes;
  }

  PageArray pages() {
    return pages;
  }

  PageBusy busy() {
    return busy;
  }

  SwapReader reader() {
    return reader;
  }

  VmStats stats() {
    return stats;
  }

  /// Takes adjacent blocks: as many as wanted, or half, and so on down to one.
  ///
  /// @return the first block in the low half and how many in the high half, or -1 for none
  long allocate(int wanted) {
    if (space != null) {
      for (int count = wanted; count > 0; count /= 2) {
        int block = space.allocate(count);
        if (block != RadixBitmap.NONE) {
          return ((long) count << Integer.SIZE) | block;
        }
      }
    }
    return -1;
  }

  void free(int block, int count) {
    if (space != null) {
      space.free(block, count);
    }
  }

  /// Reads adjacent blocks into frames, with the thread's tokens given up meanwhile.
  void read(VmThread self, int block, long[] frames, int count) throws IOException {
    transfer(self, f -> f.readRun(block, frames, count));
  }

  /// Writes adjacent blocks from frames, with the thread's tokens given up meanwhile.
  void write(VmThread self, int block, long[] frames, int count) throws IOException {
    transfer(self, f -> f.writeRun(block, frames, count));
  }

  /// One request to the file.
  private interface Request {
    void run(SwapIo file) throws IOException;
  }

  private void transfer(VmThread self, Request request) throws IOException {
    SwapIo f = file;
    if (f == null) {
      throw new IOException("a transfer to swap on a machine that has none");
    }
    try {
      self.blocking(() -> {
        if (Thread.currentThread().isVirtual()) {
          handOver(f, request);
        } else {
          request.run(f);
        }
        return true;
      });
    } catch (IOException | RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IOException(e);
    }
  }

  private void handOver(SwapIo f, Request request) throws IOException {
    try {
      CompletableFuture.runAsync(
              () -> {
                try {
                  request.run(f);
                } catch (IOException e) {
                  throw new CompletionException(e);
                }
              },
              io)
          .join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof IOException cause) {
        throw cause;
      }
      throw e;
    }
  }
}
