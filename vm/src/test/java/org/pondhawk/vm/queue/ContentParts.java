package org.pondhawk.vm.queue;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageOwner;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.VmThread;

/// The page layer without a machine above it, for pages of any size: the owner and the mappings are
/// what the test says.
final class ContentParts implements PageOwner, Mappings, AutoCloseable {
  /// Enough for two pages of one colour.
  private static final int FRAMES = 1_100;

  final OwnMemory memory = new OwnMemory();
  final FrameMemory frames;
  final PageArray pages;
  final PageBusy busy;
  final PageQueues queues;
  final PageParts parts;
  final PageContent content;
  final VmThread self = new VmThread("test", 0, false, 0);

  /// The pages whose owner was told that they are dirty, and how often one was told of lost bytes.
  final List<Integer> toldDirty = new ArrayList<>();

  final List<Integer> toldInvalid = new ArrayList<>();

  static final Tunable HYSTERESIS = Tunable.live("test", 0, 16, 16, "Pages.");

  /// The pages that a mapping was stored through.
  final BitSet modified = new BitSet();

  ContentParts(int pageSize) {
    frames = FrameMemory.reserve(FRAMES, pageSize);
    pages = new PageArray(memory, frames, 0);
    busy = new PageBusy(pages);
    VmStats stats = new VmStats(1);
    queues = new PageQueues(memory, pages, stats);
    Pressure pressure = new Pressure(FreeLevels.of(FRAMES, FRAMES), stats);
    FreeGate gate = new FreeGate(pressure, stats, () -> 0, new HaltSwitch(), 1, HYSTERESIS);
    parts =
        new PageParts(
            pages, busy, queues, new PageMover(pages, busy, queues, stats, gate), stats, gate);
    content = new PageContent(parts, this, this);
  }

  @Override
  public boolean tryOwn(VmThread thread, int page) {
    throw new AssertionError("not of interest here");
  }

  @Override
  public void removeAndDisown(VmThread thread, int page) {
    throw new AssertionError("not of interest here");
  }

  @Override
  public void remove(VmThread thread, int page) {
    throw new AssertionError("not of interest here");
  }

  @Override
  public void noteDirty(int page) {
    toldDirty.add(page);
  }

  @Override
  public void noteInvalid(int page) {
    toldInvalid.add(page);
  }

  @Override
  public void removeAll(int page) {
    throw new AssertionError("not of interest here");
  }

  @Override
  public int removeAllWired(int page) {
    throw new AssertionError("not of interest here");
  }

  @Override
  public int wired(int page) {
    return 0;
  }

  @Override
  public void writeProtect(int page) {
    throw new AssertionError("not of interest here");
  }

  @Override
  public boolean isModified(int page) {
    return modified.get(page);
  }

  @Override
  public int testAndClearReferenced(int page) {
    return 0;
  }

  @Override
  public void close() {
    frames.close();
    memory.close();
  }
}
