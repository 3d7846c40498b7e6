package org.pondhawk.vm;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.boot.TunableRows;
import org.pondhawk.vm.boot.Tunables;
import org.pondhawk.vm.stats.TunableInfo;

/// The numbers of a machine by name: what may be chosen, live or before boot, and what can be read
/// (the reference's `sysctl` tree). Any thread may use it, while the machine runs and after it was
/// halted.
///
/// **Failure.** `IllegalArgumentException` for a name that there is not, with those that are near
/// it, for a value out of range, with the range, and for levels of free memory that would be out of
/// order, with the first two that are. `IllegalStateException` for what can only be read, or was
/// chosen at boot, and when the machine is closed. Nothing has changed then.
public final class TunableTable {
  private final Machine machine;
  private final TunableRows rows;

  TunableTable(Machine machine) {
    this.machine = machine;
    this.rows = TunableRows.of(machine);
  }

  /// What every machine has, without a machine, in the order of their names. The meters of single
  /// processors are not in it.
  public static List<TunableInfo> known() {
    return TunableRows.of(new Tunables(Map.of())).infos();
  }

  /// The one of a name that every machine has.
  ///
  /// @throws IllegalArgumentException if there is none, or it can only be read
  static TunableInfo known(String name) {
    TunableInfo info = TunableRows.of(new Tunables(Map.of())).find(name).info();
    if (info.when() == TunableInfo.When.READ_ONLY) {
      throw new IllegalArgumentException(name + " can only be read");
    }
    return info;
  }

  /// All, in the order of their names.
  public List<TunableInfo> list() {
    return rows.infos();
  }

  /// Those with some text in their name, in the order of their names.
  ///
  /// @param text case does not count; empty for all
  public List<TunableInfo> list(String text) {
    String wanted = text.toLowerCase(Locale.ROOT);
    return list().stream()
        .filter(info -> info.name().toLowerCase(Locale.ROOT).contains(wanted))
        .toList();
  }

  /// What there is to know of one.
  public TunableInfo find(String name) {
    return rows.find(name).info();
  }

  /// Its value now.
  public long get(String name) {
    return this.<Long>inside(rows.find(name).value()::applyAsLong);
  }

  /// Its value now as people write it: `on`, `faithful`, `64`.
  public String text(String name) {
    return find(name).format(get(name));
  }

  /// The values of all now, by name, in their order; not of one moment.
  public Map<String, Long> values() {
    return inside(m -> {
      Map<String, Long> values = new TreeMap<>();
      for (TunableRows.Row row : rows.all()) {
        values.put(row.info().name(), row.value().applyAsLong(m));
      }
      return values;
    });
  }

  /// Sets one that is live.
  public void set(String name, long value) {
    setAll(Map.of(name, value));
  }

  /// Sets one that is live, from a value as people write it: [TunableInfo#parse].
  public void set(String name, String value) {
    set(name, find(name).parse(value));
  }

  /// Sets some that are live, all or none: levels of free memory are compared with each other as
  /// they will be, so that they may pass through each other.
  public void setAll(Map<String, Long> values) {
    for (String name : values.keySet()) {
      if (find(name).when() == TunableInfo.When.READ_ONLY) {
        throw new IllegalStateException(name + " can only be read");
      }
    }
    boolean _ =
        this.<Boolean>inside(m -> {
          m.tunables().setAll(values);
          return true;
        });
  }

  private <T> T inside(Function<Machine, T> call) {
    if (!machine.retain()) {
      throw new IllegalStateException("the machine is closed");
    }
    try {
      return call.apply(machine);
    } finally {
      machine.release();
    }
  }
}
