package org.pondhawk.vm.check;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.map.Space;

/// The canaries of what is checked about the end of spaces.
class LifeCheckTest {
  private TestMachine machine;
  private Space space;

  @BeforeEach
  void aSoundMachine() {
    machine = new TestMachine(256);
    space = machine.vm.newSpace();
    machine.put(space, machine.map(space, 2), 1);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
  }

  private void requireFound(String problem) {
    assertThat(VmCheck.run(machine.vm).problems())
        .anySatisfy(line -> assertThat(line).contains(problem));
  }

  @Test
  void findsASpaceThatNobodyRefersToAndNobodyEmptied() {
    assertThat(space.life().tryDelete()).isTrue();
    requireFound("an end half done: D-- r=0 h=1");
  }

  @Test
  void findsOneThatIsCalledEmptyAndIsNot() {
    assertThat(space.life().tryDelete()).isTrue();
    space.life().emptied();
    requireFound("ended, but not empty");
  }

  @Test
  void findsOneThatIsGoneAndStillListed() {
    assertThat(space.life().tryDelete()).isTrue();
    space.life().emptied();
    assertThat(space.life().drop()).isTrue();
    requireFound("gone, but listed: D12 r=0 h=0");
  }

  @Test
  void findsNothingAboutOneThatIsHeld() {
    assertThat(space.life().tryHold()).isTrue();
    machine.vm.closeSpace(machine.self, space);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.vm.dropSpace(space);
    machine.close();
  }
}
