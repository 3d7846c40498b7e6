package org.pondhawk.bench;

final class GraceComparison implements Comparison {
  @Override
  public String name() {
    return "grace";
  }

  @Override
  public String line() {
    return "to come";
  }

  @Override
  public void run(Effort effort, Report report) {}
}
