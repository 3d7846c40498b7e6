package org.pondhawk.bench;

import java.util.Map;

/// Neo4j's page cache cursor. Its licence keeps it out of the default build.
final class Neo4jPeer {
  private Neo4jPeer() {}

  static void rows(Effort effort, Report report, Map<String, Double> ours) {
    for (String access : new String[] {"read", "write"}) {
      report.row(
          access + ", 8 KiB pages",
          ours.getOrDefault(access, Double.NaN),
          Row.Unit.NANOS,
          "Neo4j's page cache cursor",
          null);
    }
    report.note("Neo4j's page cache was not measured");
  }
}
