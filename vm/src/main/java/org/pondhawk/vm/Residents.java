package org.pondhawk.vm;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.queue.FreeGate;
import org.pondhawk.vm.queue.Patience;
import org.pondhawk.vm.stats.ResidentProgram;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// Programs that are kept as they were when they had just started, so that others start as copies
/// of them, at once (`vmresident`).
///
/// What is registered is a snapshot: a copy of an address space as of then, without its stack and
/// its shared segments. Each program that starts from it shares its memory until one of the two
/// stores. A snapshot is nobody's: its memory is swapped as any other's, and goes when it is
/// unregistered, or with the machine.
///
/// All methods may be called from any thread. `IllegalStateException` after the machine was closed.
public final class Residents {
  private static final long SLICE_NANOS = 100_000_000L;

  private final Machine machine;
  private final EdgeThreads edge;
  private final Programs programs;
  private final ReentrantLock lock = new ReentrantLock();
  private final Map<Object, Resident> byKey = new LinkedHashMap<>();
  private final WaitChannel unused = new WaitChannel("starts from a snapshot");
  private long lastId;

  /// One snapshot; its counts are guarded by the lock.
  private static final class Resident {
    final long id;
    final Object key;
    final Space snapshot;
    final long entryAddress;
    int uses;
    long starts;

    Resident(long id, Object key, Space snapshot, long entryAddress) {
      this.id = id;
      this.key = key;
      this.snapshot = snapshot;
      this.entryAddress = entryAddress;
    }
  }

  Residents(Machine machine, EdgeThreads edge) {
    this.machine = machine;
    this.edge = edge;
    this.programs = new Programs(machine);
  }

  /// Keeps a copy of a space as of now under a key (`exec_sys_register`). Takes as long as
  /// [AddressSpace#fork].
  ///
  /// @param key what the program is known by, as the reference's file: anything with `equals`
  /// @param program the space of a program that has started, of this machine
  /// @param entryAddress where programs that start from it begin: any number, kept for them
  /// @return an id that no other snapshot of the machine ever has
  /// @throws IllegalStateException if a program of that key is registered (`EEXIST`), or the space
  ///   is closed
  /// @throws org.pondhawk.vm.error.LeaseHeldException as for [AddressSpace#fork]
  public long register(Object key, AddressSpace program, long entryAddress) {
    machine.haltSwitch().check();
    requireOurs(program);
    requireUnknown(key);
    Space snapshot = edge.call(self -> programs.copy(self, program.handle, InitialStack.NONE));
    @Nullable Resident made = null;
    try {
      made = add(key, snapshot, entryAddress); // asks the key, which may throw anything
    } finally {
      if (made == null) {
        edge.run(self -> machine.closeSpace(self, snapshot));
      }
    }
    if (made == null) {
      throw alreadyThere(key);
    }
    return made.id;
  }

  private void requireUnknown(Object key) {
    if (find(key) != null) {
      throw alreadyThere(key);
    }
  }

  private @Nullable Resident add(Object key, Space snapshot, long entryAddress) {
    lock.lock();
    try {
      if (byKey.containsKey(key)) {
        return null;
      }
      Resident made = new Resident(++lastId, key, snapshot, entryAddress);
      byKey.put(key, made);
      return made;
    } finally {
      lock.unlock();
    }
  }

  private @Nullable Resident find(Object key) {
    lock.lock();
    try {
      return byKey.get(key);
    } finally {
      lock.unlock();
    }
  }

  /// Starts a program from the snapshot of a key, in a space of its own (`exec_resident_imgact`).
  ///
  /// @throws NoSuchElementException if there is none
  public AddressSpace use(Object key, InitialStack stack) {
    machine.haltSwitch().check();
    Resident from = enter(key);
    try {
      return edge.call(
          self -> new AddressSpace(machine, edge, programs.copy(self, from.snapshot, stack)));
    } finally {
      leave(from);
    }
  }

  /// Starts a program from the snapshot of a key in the place of what a space is of, as
  /// [AddressSpace#replaceBy] does.
  ///
  /// @param space a space of the same range as what was registered
  /// @throws NoSuchElementException if there is none; nothing has changed then
  /// @throws IllegalArgumentException if the range is another, or the machine
  /// @throws org.pondhawk.vm.error.LeaseHeldException as for [AddressSpace#close]
  public void exec(AddressSpace space, Object key, InitialStack stack) {
    machine.haltSwitch().check();
    requireOurs(space);
    Resident from = enter(key);
    try {
      if (from.snapshot.map().range() != space.range()) {
        throw new IllegalArgumentException(space + " is of another range than " + key);
      }
      edge.run(self -> space.handle.replace(self, () -> programs.copy(self, from.snapshot, stack)));
    } finally {
      leave(from);
    }
  }

  private Resident enter(Object key) {
    lock.lock();
    try {
      Resident resident = byKey.get(key);
      if (resident == null) {
        throw new NoSuchElementException("no program is registered as " + key);
      }
      resident.uses++;
      resident.starts++;
      return resident;
    } finally {
      lock.unlock();
    }
  }

  private void leave(Resident resident) {
    boolean last;
    lock.lock();
    try {
      last = --resident.uses == 0;
    } finally {
      lock.unlock();
    }
    if (last) {
      unused.wakeAll();
    }
  }

  /// Gives up the snapshot of an id (`exec_sys_unregister`). Programs that started from it go on.
  /// Waits for those that are starting just now.
  ///
  /// @throws NoSuchElementException if there is none (`ENOENT`)
  /// @throws org.pondhawk.vm.error.OutOfPagesException if programs are starting from it for longer
  ///   than the machine's patience; it stays registered
  public void unregister(long id) {
    machine.haltSwitch().check();
    boolean found =
        edge.call(self -> {
          Resident resident = take(self, id);
          if (resident != null) {
            giveUp(self, resident);
          }
          return resident != null;
        });
    if (!found) {
      throw new NoSuchElementException("no program is registered with the id " + id);
    }
  }

  /// Gives up all snapshots (`exec_sys_unregister` with -2).
  ///
  /// @return how many there were
  public int unregisterAll() {
    int count = 0;
    for (ResidentProgram program : list()) {
      try {
        unregister(program.id());
        count++;
      } catch (NoSuchElementException _) {
        // another thread was faster
      }
    }
    return count;
  }

  /// Takes a snapshot that nobody starts from off the list.
  ///
  /// @return null if there is none of the id
  private @Nullable Resident take(VmThread self, long id) {
    FreeGate gate = machine.page().gate();
    Patience patience = gate.patience();
    for (; ; ) {
      int ticket = unused.ticket();
      Resident found = byId(id);
      if (found == null || removeUnused(found)) {
        return found;
      }
      self.sleep(unused, ticket, SLICE_NANOS);
      gate.checkWait(self, patience, unused.ticket(), "programs start from snapshot " + id);
    }
  }

  private @Nullable Resident byId(long id) {
    lock.lock();
    try {
      return byKey.values().stream().filter(r -> r.id == id).findFirst().orElse(null);
    } finally {
      lock.unlock();
    }
  }

  private boolean removeUnused(Resident resident) {
    lock.lock();
    try {
      return resident.uses == 0 && byKey.values().remove(resident);
    } finally {
      lock.unlock();
    }
  }

  /// Closes a snapshot; one that can't be closed is registered again, unless its key was taken.
  private void giveUp(VmThread self, Resident resident) {
    boolean closed = false;
    try {
      machine.closeSpace(self, resident.snapshot);
      closed = true;
    } finally {
      if (!closed) {
        lock.lock();
        try {
          byKey.putIfAbsent(resident.key, resident);
        } finally {
          lock.unlock();
        }
      }
    }
  }

  /// All snapshots, in the order of their ids (`vm.resident`). Costs as much as
  /// [AddressSpace#statistics] of each.
  public List<ResidentProgram> list() {
    machine.haltSwitch().check();
    return edge.call(_ -> {
      List<ResidentProgram> all = new ArrayList<>();
      for (Resident resident : snapshots()) {
        all.add(describe(resident));
      }
      return List.copyOf(all);
    });
  }

  private List<Resident> snapshots() {
    lock.lock();
    try {
      return byKey.values().stream().sorted((a, b) -> Long.compare(a.id, b.id)).toList();
    } finally {
      lock.unlock();
    }
  }

  private static ResidentProgram describe(Resident resident) {
    return new ResidentProgram(
        resident.id,
        resident.key,
        resident.entryAddress,
        resident.uses,
        resident.starts,
        SpaceSurvey.count(resident.snapshot));
  }

  private void requireOurs(AddressSpace space) {
    if (!space.isOf(machine)) {
      throw new IllegalArgumentException(space + " is of another machine");
    }
  }

  private static IllegalStateException alreadyThere(Object key) {
    return new IllegalStateException("a program is registered as " + key);
  }
}
