package org.pondhawk.vm.check;

import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.map.SpaceLife;

/// Checks how far the end of each address space has come: one that nobody refers to is empty, and
/// one that nobody holds is gone.
final class LifeCheck {
  private final Machine machine;
  private final Findings findings;

  LifeCheck(Machine machine, Findings findings) {
    this.machine = machine;
    this.findings = findings;
  }

  void run() {
    for (Space space : machine.spaces()) {
      SpaceLife life = space.life();
      findings.require(
          life.isDeleted() == (life.references() == 0) && life.isDeleted() == life.isEmptied(),
          "space %d: an end half done: %s",
          space.id(),
          life);
      findings.require(
          !life.isEmptied() || (space.map().count() == 0 && space.pmap().resident() == 0),
          "space %d: ended, but not empty: %s",
          space.id(),
          life);
      findings.require(
          life.references() <= life.holds() && !life.isTornDown(),
          "space %d: gone, but listed: %s",
          space.id(),
          life);
    }
  }
}
