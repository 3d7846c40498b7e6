package org.pondhawk.bench;

final class ForkComparison implements Comparison {
  @Override
  public String name() {
    return "fork";
  }

  @Override
  public String line() {
    return "to come";
  }

  @Override
  public void run(Effort effort, Report report) {}
}
