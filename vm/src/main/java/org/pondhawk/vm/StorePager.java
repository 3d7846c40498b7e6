package org.pondhawk.vm;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pager.PageRun;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.pager.PagerResult;
import org.pondhawk.vm.sync.VmThread;

/// The pager over a store of the user's. The store sees copies of pages, never the pages.
final class StorePager implements Pager {
  private final BackingStore store;
  private final PageArray pages;
  private final int pageSize;
  private volatile long bytes;

  StorePager(BackingStore store, PageArray pages) {
    this.store = store;
    this.pages = pages;
    this.pageSize = pages.frames().pageSize();
  }

  BackingStore store() {
    return store;
  }

  /// Something that the store does.
  interface Transfer {
    void run() throws IOException;
  }

  /// Lets the store do something, with the thread's tokens given up meanwhile.
  private static void transfer(VmThread self, Transfer transfer) throws IOException {
    try {
      self.blocking(() -> {
        transfer.run();
        return true;
      });
    } catch (IOException | VmPanic e) {
      throw e;
    } catch (Exception e) {
      throw new IOException(e);
    }
  }

  private long offset(long pindex) {
    return pindex * pageSize;
  }

  @Override
  public PagerResult pageIn(VmThread self, long pindex, int page) throws IOException {
    long left = bytes - offset(pindex);
    if (left <= 0) {
      return PagerResult.BAD;
    }
    byte[] read = new byte[pageSize];
    int length = (int) Math.min(left, pageSize);
    transfer(self, () -> store.read(offset(pindex), ByteBuffer.wrap(read, 0, length)));
    RawMemory.copyFromArray(read, 0, pages.address(page), pageSize);
    return PagerResult.OK;
  }

  @Override
  public void pageOut(VmThread self, PageRun run) {
    long offset = offset(run.firstPindex());
    int length = (int) Math.clamp(bytes - offset, 0, (long) run.count() * pageSize);
    byte[] written = new byte[length];
    for (int i = 0; i < run.count(); i++) {
      int at = i * pageSize;
      if (at >= length) {
        run.setResult(i, PagerResult.BAD);
      } else {
        long from = pages.address(run.page(i));
        RawMemory.copyToArray(from, written, at, Math.min(pageSize, length - at));
      }
    }
    PagerResult result = length == 0 ? PagerResult.BAD : write(self, run, offset, written);
    for (int i = 0; i * pageSize < length; i++) {
      run.setResult(i, result);
    }
  }

  private PagerResult write(VmThread self, PageRun run, long offset, byte[] written) {
    try {
      transfer(self, () -> store.write(offset, ByteBuffer.wrap(written)));
      return PagerResult.OK;
    } catch (IOException e) {
      run.setFailure(e);
      return PagerResult.ERROR;
    }
  }

  @Override
  public boolean hasPage(long pindex) {
    return offset(pindex) < bytes;
  }

  @Override
  public void resized(long newBytes) {
    bytes = newBytes;
  }

  @Override
  public void force(VmThread self) throws IOException {
    transfer(self, store::force);
  }

  @Override
  public void end(VmThread self) {
    store.released();
  }
}
