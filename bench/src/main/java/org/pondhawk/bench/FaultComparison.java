package org.pondhawk.bench;

final class FaultComparison implements Comparison {
  @Override
  public String name() {
    return "fault";
  }

  @Override
  public String line() {
    return "to come";
  }

  @Override
  public void run(Effort effort, Report report) {}
}
