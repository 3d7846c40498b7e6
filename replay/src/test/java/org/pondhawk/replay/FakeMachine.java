package org.pondhawk.replay;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/// A machine whose memory is maps of byte arrays; tests break it by overriding.
class FakeMachine implements Machine {
  static final MachineFigures FIGURES =
      new MachineFigures(4096, 1000, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16);

  final List<Memory> processes = new CopyOnWriteArrayList<>();
  final AtomicInteger open = new AtomicInteger();
  private final int pageSize;

  FakeMachine(int pageSize) {
    this.pageSize = pageSize;
  }

  @Override
  public Memory newProcess() {
    open.incrementAndGet();
    var memory = new Memory();
    processes.add(memory);
    return memory;
  }

  @Override
  public MachineFigures figures() {
    return FIGURES;
  }

  @Override
  public List<String> check() {
    return List.of();
  }

  @Override
  public String show(Exhibit exhibit) {
    return "a fake " + exhibit;
  }

  @Override
  public void close() {}

  /// The memory of one process. Touching what is not mapped is an error.
  class Memory implements ProcessMemory {
    private static final VarHandle WORDS =
        MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
    private static final long ELSEWHERE = 1L << 50;

    final Map<Long, byte[]> pages = new HashMap<>();

    @Override
    public long map(long address, long bytes) {
      long start = address < 0 ? ELSEWHERE : address;
      for (long page = start; page < start + bytes; page += pageSize) {
        if (pages.put(page, new byte[pageSize]) != null) {
          throw new IllegalStateException("mapped twice: " + page);
        }
      }
      return start;
    }

    byte[] page(long address) {
      byte[] page = pages.get(address & -pageSize);
      if (page == null) {
        throw new IllegalStateException("not mapped: " + address);
      }
      return page;
    }

    @Override
    public long getLong(long address) {
      return (long) WORDS.get(page(address), (int) (address & pageSize - 1));
    }

    @Override
    public void putLong(long address, long value) {
      WORDS.set(page(address), (int) (address & pageSize - 1), value);
    }

    @Override
    public void read(long address, byte[] into) {
      System.arraycopy(page(address), 0, into, 0, into.length);
    }

    @Override
    public void write(long address, byte[] from) {
      System.arraycopy(from, 0, page(address), 0, from.length);
    }

    @Override
    public void close() {
      open.decrementAndGet();
    }
  }
}
