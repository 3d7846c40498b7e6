package org.pondhawk.testkit;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Advice;
import org.pondhawk.vm.LeaseMode;
import org.pondhawk.vm.PageLease;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.error.AccessViolationException;

/// One thread's random use of a range of addresses, and of its copies in forked spaces, each step
/// compared with a [ModelSpace].
///
/// The history is kept as statements that paste into a test where `vm` is the machine; on a
/// difference it is in the message.
@SuppressWarnings("AnnotateFormatMethod") // the two private methods that take one
public final class RandomUser implements AutoCloseable {
  private static final int KEPT_STEPS = 4_000;
  private static final int LONGEST_COPY_PAGES = 5;
  private static final int LONGEST_LEASE_PAGES = 3;
  private static final int MOST_FORKS_ALONE = 3;
  private static final int MOST_FORKS_IN_WINDOW = 1;
  private static final int PAGES_COMPARED_AT_EXIT = 16;
  private static final List<Advice> ADVICE = List.of(Advice.values());
  private static final HexFormat HEX = HexFormat.of();

  private final VirtualMemory vm;
  private final Random random;
  private final boolean ownsSpace;
  private final String name;
  private final int pageSize;
  private final long firstPage;
  private final long windowPages;
  private final int mostPages;
  private final WiringSteps wirings;
  private final List<Life> others = new ArrayList<>();
  private final KeptSnapshots snapshots = new KeptSnapshots();
  private final ArrayDeque<String> history = new ArrayDeque<>();
  private long forgottenSteps;
  private AddressSpace space;
  private View view;
  private ModelSpace model;
  private int generation;
  private int lastGeneration;

  /// A space that was forked, or forked from, and is not in use now.
  private record Life(AddressSpace space, View view, ModelSpace model, int generation) {}

  /// What a step does, and how often in relation to the others.
  private enum Op {
    MAP(3),
    MAP_AT(3),
    UNMAP(4),
    PROTECT(4),
    ADVISE(3),
    WIRE(2),
    UNWIRE(2),
    PUT_LONG(20),
    PUT_INT(8),
    PUT_BYTE(8),
    COPY_FROM(15),
    GET_LONG(20),
    GET_INT(8),
    GET_BYTE(8),
    COPY_TO(12),
    LEASE(10),
    SNAPSHOT(5),
    CLOSE_SNAPSHOT(5),
    TOUCH_ALL(1),
    CLOSE_VIEW(1),
    CLOSE_SPACE(1),
    FORK(2),
    SWITCH(6),
    EXIT(2);

    final int weight;

    Op(int weight) {
      this.weight = weight;
    }

    static Op pick(Random random) {
      int left = random.nextInt(Arrays.stream(values()).mapToInt(op -> op.weight).sum());
      for (Op op : values()) {
        left -= op.weight;
        if (left < 0) {
          return op;
        }
      }
      throw new AssertionError();
    }
  }

  private RandomUser(
      VirtualMemory vm,
      Random random,
      AddressSpace space,
      boolean ownsSpace,
      String name,
      long firstPage,
      long windowPages,
      int mostPages) {
    this.vm = vm;
    this.random = random;
    this.space = space;
    this.ownsSpace = ownsSpace;
    this.name = name;
    this.pageSize = vm.config().pageSize();
    this.firstPage = firstPage;
    this.windowPages = windowPages;
    this.mostPages = mostPages;
    this.wirings = new WiringSteps(pageSize);
    this.model = new ModelSpace(pageSize);
    this.view = space.view();
    if (ownsSpace) {
      note("AddressSpace %s = vm.newAddressSpace();", spaceName());
    }
    note("View %s = %s.view();", viewName(), spaceName());
  }

  /// A user with an address space of its own.
  ///
  /// @param mostPages how many pages it maps at most
  public static RandomUser alone(VirtualMemory vm, Random random, String name, int mostPages) {
    return new RandomUser(
        vm, random, vm.newAddressSpace(), true, name, 1, 16L * mostPages, mostPages);
  }

  /// A user of one window of a space that others use as well.
  ///
  /// @param window the number of the window, from 0
  public static RandomUser inWindow(
      VirtualMemory vm,
      Random random,
      AddressSpace shared,
      int window,
      String name,
      int mostPages) {
    // Windows share pieces of the page table, so they lie side by side.
    long pages = 3L * mostPages;
    long pitch = pages + 16; // what no copy reaches across
    return new RandomUser(vm, random, shared, false, name, 1 + window * pitch, pages, mostPages);
  }

  private String spaceName() {
    return isShared(generation) ? "sharedSpace" : name + "Space" + generation;
  }

  private boolean isShared(int number) {
    return !ownsSpace && number == 0;
  }

  private String viewName() {
    return name + "View" + generation;
  }

  private void note(String statement, Object... arguments) {
    if (history.size() == KEPT_STEPS) {
      history.remove();
      forgottenSteps++;
    }
    history.add(statement.formatted(arguments));
  }

  /// Takes one random step.
  public void step() {
    switch (Op.pick(random)) {
      case MAP -> map();
      case MAP_AT -> mapAt();
      case UNMAP -> unmap();
      case PROTECT -> protect();
      case ADVISE -> advise();
      case WIRE -> wire();
      case UNWIRE -> unwire();
      case PUT_LONG -> put(Long.BYTES);
      case PUT_INT -> put(Integer.BYTES);
      case PUT_BYTE -> put(Byte.BYTES);
      case COPY_FROM -> copyFrom();
      case GET_LONG -> get(Long.BYTES);
      case GET_INT -> get(Integer.BYTES);
      case GET_BYTE -> get(Byte.BYTES);
      case COPY_TO -> copyTo(someAddress(), 1 + random.nextInt(LONGEST_COPY_PAGES * pageSize));
      case LEASE -> lease();
      case SNAPSHOT -> snapshot();
      case CLOSE_SNAPSHOT -> requireSame(snapshots.closeOldest());
      case TOUCH_ALL -> touchAll();
      case CLOSE_VIEW -> closeView();
      case CLOSE_SPACE -> closeSpace();
      case FORK -> fork();
      case SWITCH -> switchLife();
      case EXIT -> exitAnother();
    }
  }

  /// Compares every page of every space with its model.
  public void compareAll() {
    for (int n = 0; n <= others.size(); n++) {
      compareCurrent();
      if (!others.isEmpty()) {
        switchTo(0);
      }
    }
  }

  private void compareCurrent() {
    for (Map.Entry<Long, byte[]> page : model.pages().entrySet()) {
      copyTo(page.getKey() * pageSize, pageSize);
    }
  }

  // ---- steps

  private Protection someProtection() {
    return switch (random.nextInt(12)) {
      case 0 -> Protection.READ;
      case 1 -> Protection.NONE;
      default -> Protection.READ_WRITE;
    };
  }

  private int someLength() {
    int most = Math.min(mostPages - model.pageCount(), mostPages / 3);
    return most <= 0 ? 0 : 1 + random.nextInt(random.nextBoolean() ? Math.min(8, most) : most);
  }

  private void map() {
    int count = someLength();
    if (count == 0 || !ownsSpace) {
      return;
    }
    Protection with = someProtection();
    long bytes = (long) count * pageSize - random.nextInt(pageSize);
    note("%s.map(%dL, %s);", spaceName(), bytes, with);
    long address = space.map(bytes, with);
    require(address % pageSize == 0 && address > 0, "0x%x is no good address", address);
    long page = address / pageSize;
    require(!model.anyMapped(page, count), "0x%x is mapped already", address);
    model.map(page, count, with);
  }

  private void mapAt() {
    int count = someLength();
    if (count == 0) {
      return;
    }
    long page = firstPage + random.nextLong(windowPages - count);
    Protection with = someProtection();
    note("%s.mapAt(0x%xL, %dL, %s);", spaceName(), page * pageSize, (long) count * pageSize, with);
    boolean taken = model.anyMapped(page, count);
    try {
      space.mapAt(page * pageSize, (long) count * pageSize, with);
      require(!taken, "mapped over something");
      model.map(page, count, with);
    } catch (IllegalArgumentException e) {
      require(taken, "refused without a reason: %s", e);
    }
  }

  private void unmap() {
    long page = someFirstPage();
    long count = someCount(page);
    note("%s.unmap(0x%xL, %dL);", spaceName(), page * pageSize, count * pageSize);
    space.unmap(page * pageSize, count * pageSize);
    model.unmap(page, count);
  }

  private void protect() {
    long page = someFirstPage();
    long count = someCount(page);
    Protection with = random.nextBoolean() ? Protection.READ_WRITE : someProtection();
    note(
        "%s.protect(0x%xL, %dL, Protection.%s);",
        spaceName(), page * pageSize, count * pageSize, with);
    space.protect(page * pageSize, count * pageSize, with);
    model.protect(page, count, with);
  }

  private void wire() {
    long page = someFirstPage();
    long count = someCount(page);
    note("%s.wire(0x%xL, %dL);", spaceName(), page * pageSize, count * pageSize);
    String wrong = wirings.wire(space, model, page, count);
    require(wrong.isEmpty(), "%s", wrong);
  }

  private void unwire() {
    long page = someFirstPage();
    long count = someCount(page);
    note("%s.unwire(0x%xL, %dL);", spaceName(), page * pageSize, count * pageSize);
    String wrong = wirings.unwire(space, model, page, count);
    require(wrong.isEmpty(), "%s", wrong);
  }

  /// Advice changes no byte, but that what is freed may be zeros: page by page.
  private void advise() {
    Advice advice = ADVICE.get(random.nextInt(ADVICE.size()));
    long page = someFirstPage();
    long count = someCount(page);
    if (advice == Advice.FREE && !model.isReadable(page, count)) {
      return; // what became of it could not be seen
    }
    note(
        "%s.advise(0x%xL, %dL, Advice.%s);",
        spaceName(), page * pageSize, count * pageSize, advice);
    space.advise(page * pageSize, count * pageSize, advice);
    if (advice == Advice.FREE) {
      for (long p : model.mapped(page, count)) {
        seeFreed(p * pageSize);
      }
    }
  }

  private void seeFreed(long address) {
    byte[] bytes = new byte[pageSize];
    note("%s.copyTo(0x%xL, new byte[%d], 0, %d);", viewName(), address, pageSize, pageSize);
    view.copyTo(address, bytes, 0, pageSize);
    if (Arrays.equals(bytes, new byte[pageSize])) {
      model.zero(address / pageSize);
    } else {
      compare(address, bytes);
    }
  }

  private long someFirstPage() {
    return Math.clamp(somePage() - random.nextInt(3), firstPage, firstPage + windowPages - 1);
  }

  /// How many pages of the window from one on.
  private long someCount(long page) {
    long count = 1L + random.nextInt(random.nextBoolean() ? 4 : mostPages);
    return ownsSpace ? count : Math.min(count, firstPage + windowPages - page);
  }

  private void put(int size) {
    long address = someAddress();
    long value = random.nextLong();
    int can = model.writable(address, size);
    byte[] bytes =
        ByteBuffer.allocate(Long.BYTES).order(ByteOrder.nativeOrder()).putLong(value).array();
    try {
      switch (size) {
        case Long.BYTES -> {
          note("%s.putLong(0x%xL, 0x%xL);", viewName(), address, value);
          view.putLong(address, value);
        }
        case Integer.BYTES -> {
          note("%s.putInt(0x%xL, 0x%x);", viewName(), address, (int) value);
          view.putInt(address, (int) value);
        }
        default -> {
          note("%s.putByte(0x%xL, (byte) 0x%x);", viewName(), address, (byte) value);
          view.putByte(address, (byte) value);
        }
      }
      require(can == size, "stored where only %d bytes can be", can);
    } catch (AccessViolationException e) {
      require(can < size, "refused without a reason: %s", e);
    }
    model.store(address, bytes, can);
  }

  private void get(int size) {
    long address = someAddress();
    int can = model.readable(address, size);
    try {
      ByteBuffer got = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.nativeOrder());
      switch (size) {
        case Long.BYTES -> {
          note("%s.getLong(0x%xL);", viewName(), address);
          got.putLong(view.getLong(address));
        }
        case Integer.BYTES -> {
          note("%s.getInt(0x%xL);", viewName(), address);
          got.putInt(view.getInt(address));
        }
        default -> {
          note("%s.getByte(0x%xL);", viewName(), address);
          got.put(view.getByte(address));
        }
      }
      require(can == size, "loaded where only %d bytes can be", can);
      compare(address, Arrays.copyOf(got.array(), size));
    } catch (AccessViolationException e) {
      require(can < size, "refused without a reason: %s", e);
    }
  }

  private void copyFrom() {
    long address = someAddress();
    int length = 1 + random.nextInt(LONGEST_COPY_PAGES * pageSize);
    long seed = random.nextLong();
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    note(
        "{ byte[] b = new byte[%d]; new Random(%dL).nextBytes(b); %s.copyFrom(b, 0, %d, 0x%xL); }",
        length, seed, viewName(), length, address);
    int can = model.writable(address, length);
    try {
      view.copyFrom(bytes, 0, length, address);
      require(can == length, "stored where only %d bytes can be", can);
    } catch (AccessViolationException e) {
      require(can < length, "refused without a reason: %s", e);
    }
    model.store(address, bytes, can);
  }

  private void copyTo(long address, int length) {
    byte[] bytes = new byte[length];
    note("%s.copyTo(0x%xL, new byte[%d], 0, %d);", viewName(), address, length, length);
    int can = model.readable(address, length);
    try {
      view.copyTo(address, bytes, 0, length);
      require(can == length, "loaded where only %d bytes can be", can);
    } catch (AccessViolationException e) {
      require(can < length, "refused without a reason: %s", e);
    }
    compare(address, Arrays.copyOf(bytes, can));
  }

  private void lease() {
    long address = someAddress();
    int length = 1 + random.nextInt(LONGEST_LEASE_PAGES * pageSize);
    boolean write = random.nextBoolean();
    LeaseMode mode = write ? LeaseMode.WRITE : LeaseMode.READ;
    byte add = (byte) (write ? random.nextInt() : 0);
    note(
        "try (PageLease l = %s.lease(0x%xL, %d, LeaseMode.%s)) { l.segments().forEach(s -> { for (long i = 0; i < %d * s.byteSize(); i++) s.set(JAVA_BYTE, i, (byte) (s.get(JAVA_BYTE, i) + %d)); }); }",
        viewName(), address, length, mode, write ? 1 : 0, add);
    int can = write ? model.writable(address, length) : model.readable(address, length);
    try (PageLease lease = view.lease(address, length, mode)) {
      require(can == length, "leased where only %d bytes can be", can);
      long at = address;
      for (MemorySegment segment : lease.segments()) {
        byte[] bytes = segment.toArray(ValueLayout.JAVA_BYTE);
        compare(at, bytes);
        for (int i = 0; i < bytes.length; i++) {
          bytes[i] += add;
        }
        if (write) {
          segment.copyFrom(MemorySegment.ofArray(bytes));
          model.store(at, bytes, bytes.length);
        }
        at += bytes.length;
      }
    } catch (AccessViolationException e) {
      require(can < length, "refused without a reason: %s", e);
    }
  }

  /// Opens a snapshot that stays open while other steps store.
  private void snapshot() {
    long address = someAddress();
    int length = 1 + random.nextInt(LONGEST_LEASE_PAGES * pageSize);
    if (snapshots.isFull()) {
      return;
    }
    note(
        "PageLease l%d = %s.lease(0x%xL, %d, LeaseMode.SNAPSHOT);",
        stepCount(), viewName(), address, length);
    int can = model.readable(address, length);
    PageLease lease;
    try {
      lease = view.lease(address, length, LeaseMode.SNAPSHOT);
    } catch (AccessViolationException e) {
      require(can < length, "refused without a reason: %s", e);
      return;
    }
    require(can == length, "leased where only %d bytes can be", can);
    snapshots.keep(view, lease);
    long at = address;
    for (MemorySegment segment : lease.segments()) {
      byte[] bytes = segment.toArray(ValueLayout.JAVA_BYTE);
      compare(at, bytes);
      at += bytes.length;
    }
  }

  private long stepCount() {
    return forgottenSteps + history.size();
  }

  private void requireSame(String difference) {
    require(difference.isEmpty(), "a snapshot has changed: %s", difference);
  }

  private void touchAll() {
    byte[] one = {(byte) random.nextInt()};
    for (long page : model.pages().keySet().toArray(new Long[0])) {
      long address = page * pageSize;
      if (model.isWritable(address)) {
        note("%s.putByte(0x%xL, (byte) %d);", viewName(), address, one[0]);
        view.putByte(address, one[0]);
        model.store(address, one, 1);
      }
    }
  }

  private void closeView() {
    note("%s.close();", viewName());
    requireSame(snapshots.forget(view));
    view.close();
    view = space.view();
    note("%s = %s.view();", viewName(), spaceName());
  }

  private void closeSpace() {
    if (isShared(generation)) {
      return;
    }
    note("%s.close();", spaceName());
    space.close();
    long address = someAddress();
    try {
      view.getByte(address);
      require(false, "loaded from 0x%x of a closed space", address);
    } catch (AccessViolationException _) {
      model.clear();
    }
    requireSame(snapshots.forget(view));
    view.close();
    generation = ++lastGeneration;
    space = vm.newAddressSpace();
    view = space.view();
    note("AddressSpace %s = vm.newAddressSpace();", spaceName());
    note("View %s = %s.view();", viewName(), spaceName());
  }

  /// A copy of the current space comes into being; both are used from now on.
  private void fork() {
    if (others.size() == (ownsSpace ? MOST_FORKS_ALONE : MOST_FORKS_IN_WINDOW)) {
      return;
    }
    String parent = spaceName();
    AddressSpace child = space.fork();
    Life life = new Life(child, child.view(), model.copy(), ++lastGeneration);
    note("AddressSpace %sSpace%d = %s.fork();", name, lastGeneration, parent);
    note("View %sView%d = %sSpace%d.view();", name, lastGeneration, name, lastGeneration);
    others.add(life);
  }

  private void switchLife() {
    if (!others.isEmpty()) {
      switchTo(random.nextInt(others.size()));
    }
  }

  /// Takes up another space; the current one goes to the end of the list.
  private void switchTo(int index) {
    Life next = others.remove(index);
    others.add(new Life(space, view, model, generation));
    space = next.space();
    view = next.view();
    model = next.model();
    generation = next.generation();
  }

  /// Another space ends, whether it was forked or forked from.
  private void exitAnother() {
    if (others.isEmpty()) {
      return;
    }
    switchTo(random.nextInt(others.size()));
    for (int n = 0; n < PAGES_COMPARED_AT_EXIT && model.pageCount() > 0; n++) {
      copyTo(somePage() * pageSize, 1 + random.nextInt(2 * pageSize));
    }
    boolean ends = !isShared(generation);
    switchTo(others.size() - 1);
    if (ends) {
      end(others.removeLast());
    }
  }

  private void end(Life life) {
    note("%sView%d.close();", name, life.generation());
    requireSame(snapshots.forget(life.view()));
    life.view().close();
    if (!isShared(life.generation())) {
      note("%sSpace%d.close();", name, life.generation());
      life.space().close();
    }
  }

  // ---- choices

  /// Mostly a mapped page, and the ones around it now and then.
  private long somePage() {
    long page = firstPage + random.nextLong(windowPages);
    if (random.nextInt(20) != 0) {
      Long mapped = model.ceiling(page);
      mapped = mapped == null ? model.ceiling(0) : mapped;
      if (mapped != null) {
        page = mapped;
        if (random.nextBoolean()) {
          page += random.nextInt(8);
        }
      }
    }
    return page;
  }

  private long someAddress() {
    long base = somePage() * pageSize;
    return switch (random.nextInt(4)) {
      case 0 -> base;
      case 1 -> base + pageSize - 1 - random.nextInt(8);
      default -> base + random.nextInt(pageSize);
    };
  }

  // ---- verdicts

  private void compare(long address, byte[] got) {
    byte[] expected = model.load(address, got.length);
    int at = Arrays.mismatch(expected, got);
    if (at >= 0) {
      int end = Math.min(at + 16, got.length);
      require(
          false,
          "at 0x%x: expected %s…, but was %s…",
          address + at,
          HEX.formatHex(expected, at, end),
          HEX.formatHex(got, at, end));
    }
  }

  private void require(boolean holds, String message, Object... arguments) {
    if (!holds) {
      throw new AssertionError(message.formatted(arguments) + "\n" + this);
    }
  }

  @Override
  public void close() {
    Collections.shuffle(others, random);
    others.forEach(this::end);
    others.clear();
    end(new Life(space, view, model, generation));
  }

  /// The history as statements.
  @Override
  public String toString() {
    return "user %s, %d earlier steps forgotten%n%s"
        .formatted(name, forgottenSteps, String.join("\n", history));
  }
}
