package org.pondhawk.testkit;

import java.io.IOException;
import java.util.Arrays;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pager.PageRun;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.sync.VmThread;

/// A pager over a "file" that is an array, whose calls are counted and fail as a test says, and
/// whose writes are completed later if a test wants that. It may be opened again after its end.
public final class MemoryPager implements Pager {
  private final PageArray pages;
  private final int pageSize;
  private final ReentrantLock lock = new ReentrantLock();
  private byte[] file;
  private volatile long size;
  private final AtomicLong reads = new AtomicLong();
  private final AtomicLong writes = new AtomicLong();
  private final AtomicLong pagesWritten = new AtomicLong();
  private final AtomicLong forces = new AtomicLong();
  private final AtomicLong ends = new AtomicLong();
  private volatile LongFunction<@Nullable PagerResult> readRule = _ -> null;
  private volatile LongFunction<@Nullable PagerResult> writeRule = _ -> null;
  private volatile @Nullable Executor completer;
  private volatile boolean forceFails;

  /// A pager over a copy of some bytes.
  public MemoryPager(PageArray pages, byte[] content) {
    this.pages = pages;
    this.pageSize = pages.frames().pageSize();
    this.file = content.clone();
  }

  /// Says what reads answer instead of reading, by their number from 1; null to read.
  public void answerReads(LongFunction<@Nullable PagerResult> rule) {
    readRule = rule;
  }

  /// Says what writes answer instead of writing, by their number from 1; null to write.
  public void answerWrites(LongFunction<@Nullable PagerResult> rule) {
    writeRule = rule;
  }

  /// Lets writes be pending, and completed by an executor; null to write in the caller's thread.
  public void completeBy(@Nullable Executor executor) {
    completer = executor;
  }

  /// Says whether what is written can be made durable.
  public void setForceFails(boolean fails) {
    forceFails = fails;
  }

  /// How many reads there were, failed ones included.
  public long reads() {
    return reads.get();
  }

  /// How many writes of runs there were, failed ones included.
  public long writes() {
    return writes.get();
  }

  /// How many pages were written.
  public long pagesWritten() {
    return pagesWritten.get();
  }

  /// How often what was written was made durable.
  public long forces() {
    return forces.get();
  }

  /// How often the pager was ended.
  public long ends() {
    return ends.get();
  }

  /// What the file holds now, as long as it is now.
  public byte[] content() {
    lock.lock();
    try {
      return Arrays.copyOf(file, (int) size);
    } finally {
      lock.unlock();
    }
  }

  /// Puts bytes into the file behind the machine's back.
  public void poke(int offset, byte[] bytes) {
    lock.lock();
    try {
      System.arraycopy(bytes, 0, file, offset, bytes.length);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public PagerResult pageIn(VmThread self, long pindex, int page) throws IOException {
    long number = reads.incrementAndGet();
    PagerResult answer = readRule.apply(number);
    if (answer != null) {
      RawMemory.fill(
          pages.address(page), pageSize, (byte) 0x5a); // garbage, as of a failed transfer
      if (answer == PagerResult.ERROR) {
        throw new IOException("injected: read number " + number);
      }
      return answer;
    }
    int offset = (int) pindex * pageSize;
    if (offset >= size) {
      return PagerResult.BAD;
    }
    byte[] bytes = new byte[pageSize];
    Arrays.fill(bytes, (byte) 0x77); // behind the end a sloppy pager leaves anything
    lock.lock();
    try {
      System.arraycopy(file, offset, bytes, 0, Math.min(pageSize, file.length - offset));
    } finally {
      lock.unlock();
    }
    RawMemory.copyFromArray(bytes, 0, pages.address(page), pageSize);
    return PagerResult.OK;
  }

  @Override
  public void pageOut(VmThread self, PageRun run) {
    long number = writes.incrementAndGet();
    PagerResult answer = writeRule.apply(number);
    Executor later = completer;
    if (later == null) {
      for (int i = 0; i < run.count(); i++) {
        run.setResult(i, answer == null ? write(run, i) : answer);
      }
    } else {
      run.setResults(PagerResult.PENDING);
      later.execute(() -> {
        for (int i = 0; i < run.count(); i++) {
          run.complete(i, answer == null ? write(run, i) : answer);
        }
      });
    }
    if (answer == PagerResult.ERROR) {
      run.setFailure(new IOException("injected: write number " + number));
    }
  }

  private PagerResult write(PageRun run, int i) {
    long offset = (run.firstPindex() + i) * pageSize;
    lock.lock();
    try {
      int length = (int) Math.min(pageSize, size - offset);
      if (length <= 0) {
        return PagerResult.BAD;
      }
      RawMemory.copyToArray(pages.address(run.page(i)), file, (int) offset, length);
      pagesWritten.incrementAndGet();
      return PagerResult.OK;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean hasPage(long pindex) {
    return pindex * pageSize < size;
  }

  /// The file is as long as the object, and what it gets behind is zeros.
  @Override
  public void resized(long bytes) {
    lock.lock();
    try {
      file = Arrays.copyOf(bytes < size ? Arrays.copyOf(file, (int) bytes) : file, (int) bytes);
      size = bytes;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void force(VmThread self) throws IOException {
    forces.incrementAndGet();
    if (forceFails) {
      throw new IOException("injected: nothing is durable");
    }
  }

  @Override
  public void end(VmThread self) {
    ends.incrementAndGet();
  }
}
