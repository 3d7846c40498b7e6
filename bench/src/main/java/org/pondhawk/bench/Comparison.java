package org.pondhawk.bench;

/// Something to measure: us and others, in one run.
interface Comparison {
  /// The word on the command line.
  String name();

  /// What is compared with what, in a line.
  String line();

  /// Measures, and adds rows and notes to a report as they come.
  ///
  /// @throws Exception if it could not be measured; rows added before are good
  void run(Effort effort, Report report) throws Exception;
}
