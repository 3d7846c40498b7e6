package org.pondhawk.bench;

final class PeersComparison implements Comparison {
  @Override
  public String name() {
    return "peers";
  }

  @Override
  public String line() {
    return "to come";
  }

  @Override
  public void run(Effort effort, Report report) {}
}
