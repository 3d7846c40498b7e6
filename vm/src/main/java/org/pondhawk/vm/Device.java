package org.pondhawk.vm;

import java.util.List;
import java.util.stream.Stream;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.kmem.SpaceField;
import org.pondhawk.vm.kmem.StatisticsField;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.PageSupplier;
import org.pondhawk.vm.stats.DeviceField;

/// A page of memory that a machine shares with its address spaces: each maps it as it likes
/// ([AddressSpace#mapDevice]) and reads it as any memory. The layouts are in [#fields], and in
/// `docs/devices.md`.
public enum Device {
  /// The counts of the machine, live, to be read by any space (`/dev/kpmap`). They are as of the
  /// last turn of the pageout daemon, a tenth of a second ago at most unless a pass takes longer.
  STATISTICS(Access.READ) {
    @Override
    public List<DeviceField> fields() {
      return Stream.of(StatisticsField.values())
          .map(f -> new DeviceField(f.label(), f.offset(), f.unit(), f.what()))
          .toList();
    }

    @Override
    PageSupplier supplier(Machine machine) {
      return machine.devices().statistics();
    }
  },

  /// A page of each address space's own, which it may store into (`/dev/upmap`); a fork has
  /// another. It lasts until the space does not map it any more.
  SPACE(Access.READ | Access.WRITE) {
    @Override
    public List<DeviceField> fields() {
      return Stream.of(SpaceField.values())
          .map(f -> new DeviceField(f.label(), f.offset(), f.unit(), f.what()))
          .toList();
    }

    @Override
    PageSupplier supplier(Machine machine) {
      return machine.devices().spaces();
    }
  };

  /// What may ever be allowed, bits of [Access].
  final int most;

  Device(int most) {
    this.most = most;
  }

  /// What is in the page: words of eight bytes in the byte order of the computer.
  public abstract List<DeviceField> fields();

  /// Where a word is in the page.
  ///
  /// @param field one of [#fields]
  /// @return its offset in bytes
  /// @throws IllegalArgumentException if there is no such word
  public int offset(String field) {
    return fields().stream()
        .filter(f -> f.name().equals(field))
        .mapToInt(DeviceField::offset)
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(this + " has no " + field));
  }

  abstract PageSupplier supplier(Machine machine);
}
