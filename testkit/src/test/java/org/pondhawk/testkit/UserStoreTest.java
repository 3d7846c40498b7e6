package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongPredicate;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.BackingStore;
import org.pondhawk.vm.MemoryObject;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.Sharing;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.VmConfig;

/// The contract over a store of a user's, and what a user's store may do wrong.
class UserStoreTest extends PagedObjectContract {
  /// A store in an array. It never has more bytes than it was said to have.
  private static final class ArrayStore implements BackingStore {
    private byte[] bytes;
    private final AtomicLong reads = new AtomicLong();
    private final AtomicLong writes = new AtomicLong();
    private final AtomicInteger releases = new AtomicInteger();
    private volatile LongPredicate readFails = _ -> false;
    private volatile LongPredicate writeFails = _ -> false;

    ArrayStore(byte[] content) {
      bytes = content.clone();
    }

    @Override
    public void read(long offset, ByteBuffer into) throws IOException {
      if (readFails.test(reads.incrementAndGet())) {
        throw new IOException("injected: read");
      }
      synchronized (this) {
        int length = (int) Math.min(into.remaining(), bytes.length - offset);
        if (length > 0) {
          into.put(bytes, (int) offset, length);
        }
      }
    }

    @Override
    public void write(long offset, ByteBuffer from) throws IOException {
      if (writeFails.test(writes.incrementAndGet())) {
        throw new IOException("injected: write");
      }
      synchronized (this) {
        from.get(bytes, (int) offset, from.remaining()); // too much is an exception
      }
    }

    @Override
    public synchronized void resize(long size) {
      bytes = Arrays.copyOf(bytes, (int) size);
    }

    synchronized byte[] content() {
      return bytes.clone();
    }

    @Override
    public void released() {
      releases.incrementAndGet();
    }
  }

  private record OfAnArray(Rig rig, ArrayStore store) implements TestStore {
    @Override
    public MemoryObject open(long bytes, Protection most) {
      return rig.vm().open(store, bytes, most);
    }

    @Override
    public byte[] content() {
      return store.content();
    }

    @Override
    public void failReads(LongPredicate fails) {
      store.readFails = fails;
    }

    @Override
    public void failWrites(LongPredicate fails) {
      store.writeFails = fails;
    }

    @Override
    public long reads() {
      return store.reads.get();
    }

    @Override
    public long writes() {
      return store.writes.get();
    }
  }

  @Override
  TestStore newStore(Rig inMachine, byte[] content) {
    return new OfAnArray(inMachine, new ArrayStore(content));
  }

  @Test
  void mayThrowWhatItLikes() {
    ArrayStore store = new ArrayStore(new byte[4 * PAGE]);
    try (MemoryObject object = rig().vm().open(store, 4 * PAGE, Protection.READ_WRITE);
        AddressSpace space = rig().vm().newAddressSpace();
        View view = space.view()) {
      long base = space.map(object, 0, 4 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
      store.readFails =
          _ -> {
            throw new IllegalStateException("a mistake of the store's");
          };
      assertThatThrownBy(() -> view.getLong(base))
          .isInstanceOf(UncheckedIOException.class)
          .hasRootCauseMessage("a mistake of the store's");
      store.readFails = _ -> false;
      view.putLong(base, 1);
      store.writeFails =
          _ -> {
            throw new IllegalStateException("another");
          };
      assertThatThrownBy(() -> space.sync(base, PAGE))
          .isInstanceOf(UncheckedIOException.class)
          .hasRootCauseMessage("another");
      store.writeFails = _ -> false;
    }
    assertThat(getLong(store.content(), 0)).isEqualTo(1);
    assertThat(store.releases).hasValue(1);
  }

  @Test
  void isWrittenBeforeTheMachineIsClosed() {
    ArrayStore store = new ArrayStore(new byte[4 * PAGE]);
    VirtualMemory vm = VirtualMemory.boot(VmConfig.builder().build());
    MemoryObject object = vm.open(store, 4 * PAGE, Protection.READ_WRITE);
    AddressSpace space = vm.newAddressSpace();
    long base = space.map(object, 0, 4 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
    try (View view = space.view()) {
      view.putLong(base + 8, 42);
    }
    vm.close();
    assertThat(getLong(store.content(), 8)).isEqualTo(42);
    assertThat(store.releases).hasValue(1);
    object.close();
    assertThatThrownBy(object::sync).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void thatCanNotBeWrittenWhenTheMachineIsClosedIsSaid() {
    ArrayStore store = new ArrayStore(new byte[4 * PAGE]);
    VirtualMemory vm = VirtualMemory.boot(VmConfig.builder().build());
    MemoryObject object = vm.open(store, 4 * PAGE, Protection.READ_WRITE);
    AddressSpace space = vm.newAddressSpace();
    long base = space.map(object, 0, 4 * PAGE, Protection.READ_WRITE, Sharing.SHARED);
    try (View view = space.view()) {
      view.putLong(base + 8, 42);
    }
    store.writeFails = _ -> true;
    assertThatThrownBy(vm::close)
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining("before the machine was closed")
        .hasRootCauseMessage("injected: write");
    vm.close();
  }

  @Test
  void thatIsOpenedForReadingIsNeverStoredInto() {
    ArrayStore store = new ArrayStore(pattern(2 * PAGE));
    try (MemoryObject object = rig().vm().open(store, 2 * PAGE, Protection.READ);
        AddressSpace space = rig().vm().newAddressSpace();
        View view = space.view()) {
      assertThatThrownBy(() -> space.map(object, 0, PAGE, Protection.READ_WRITE, Sharing.SHARED))
          .isInstanceOf(IllegalArgumentException.class);
      long shared = space.map(object, 0, PAGE, Protection.READ, Sharing.SHARED);
      assertThatThrownBy(() -> space.protect(shared, PAGE, Protection.READ_WRITE))
          .hasMessageContaining("more than was left to allow");
      long own = space.map(object, 0, PAGE, Protection.READ_WRITE, Sharing.PRIVATE);
      view.putLong(own, 1);
      assertThat(view.getLong(shared)).isEqualTo(getLong(pattern(PAGE), 0));
    }
    assertThat(store.content()).isEqualTo(pattern(2 * PAGE));
  }
}
