package org.pondhawk.vm.boot;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.ToLongFunction;
import org.pondhawk.vm.stats.TunableInfo;
import org.pondhawk.vm.sync.Tunable;

/// [Tunables] and [Readings] as one table in the order of their names, as users see it.
public final class TunableRows {
  /// One number.
  ///
  /// @param info what there is to know of it
  /// @param value reads it
  public record Row(TunableInfo info, ToLongFunction<Machine> value) {}

  private final List<Row> rows;

  private TunableRows(Tunables tunables, List<Reading> readings) {
    List<Row> all = new ArrayList<>();
    for (Tunable tunable : tunables.all()) {
      all.add(new Row(info(tunable), _ -> tunable.get()));
    }
    for (Reading reading : readings) {
      all.add(new Row(info(reading), reading.of()));
    }
    all.sort(Comparator.comparing(row -> row.info().name()));
    this.rows = List.copyOf(all);
  }

  /// Those that every machine has, before there is one: their values are not to be read.
  public static TunableRows of(Tunables tunables) {
    return new TunableRows(tunables, Readings.ofAll());
  }

  /// Those of a machine, its processors' included.
  public static TunableRows of(Machine machine) {
    List<Reading> readings = new ArrayList<>(Readings.ofAll());
    readings.addAll(Readings.perCpu(machine.page().stats().stripes()));
    return new TunableRows(machine.tunables(), readings);
  }

  /// All of them.
  public List<Row> all() {
    return rows;
  }

  /// What there is to know of all of them.
  public List<TunableInfo> infos() {
    return rows.stream().map(Row::info).toList();
  }

  /// The one of a name.
  ///
  /// @throws IllegalArgumentException if there is none, naming some that are near
  public Row find(String name) {
    for (Row row : rows) {
      if (row.info().name().equals(name)) {
        return row;
      }
    }
    List<String> names = rows.stream().map(row -> row.info().name()).toList();
    throw NearNames.unknown(name, names);
  }

  private static TunableInfo info(Reading reading) {
    return new TunableInfo(
        reading.name(),
        "bytes".equals(reading.unit()) ? TunableInfo.Kind.BYTES : TunableInfo.Kind.NUMBER,
        reading.unit(),
        TunableInfo.When.READ_ONLY,
        Long.MIN_VALUE,
        Long.MAX_VALUE,
        "",
        List.of(),
        reading.what());
  }

  private static TunableInfo info(Tunable tunable) {
    TunableInfo.Kind kind =
        switch (tunable.kind()) {
          case NUMBER -> TunableInfo.Kind.NUMBER;
          case BYTES -> TunableInfo.Kind.BYTES;
          case FLAG -> TunableInfo.Kind.FLAG;
          case CHOICE -> TunableInfo.Kind.CHOICE;
        };
    TunableInfo.When when =
        switch (tunable.change()) {
          case LIVE -> TunableInfo.When.LIVE;
          case AT_BOOT -> TunableInfo.When.AT_BOOT;
        };
    TunableInfo plain =
        new TunableInfo(
            tunable.name(),
            kind,
            tunable.unit(),
            when,
            tunable.min(),
            tunable.max(),
            tunable.derivation(),
            tunable.words(),
            tunable.what());
    return plain.initial().isEmpty() ? plain.startingAt(tunable.initial()) : plain;
  }
}
