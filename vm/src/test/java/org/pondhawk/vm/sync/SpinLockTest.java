package org.pondhawk.vm.sync;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.mem.OwnMemory;

class SpinLockTest {
  private final OwnMemory memory = new OwnMemory();
  private final long word = memory.allocate(64, "a spin lock");

  @AfterEach
  void isFree() {
    assertThat(SpinLock.isLocked(word)).isFalse();
    memory.close();
  }

  @Test
  void isTakenOnceAtATime() {
    SpinLock.lock(word);

    assertThat(SpinLock.tryLock(word)).isFalse();
    assertThat(SpinLock.isLocked(word)).isTrue();

    SpinLock.unlock(word);
  }

  @Test
  void excludesUnderContention() {
    int[] plain = new int[1];
    int rounds = 50_000;
    Runnable body =
        () -> {
          for (int i = 0; i < rounds; i++) {
            SpinLock.lock(word);
            plain[0]++;
            SpinLock.unlock(word);
          }
        };
    Helper<Boolean> one = Helper.run(body);
    Helper<Boolean> two = Helper.run(body);
    one.join();
    two.join();

    assertThat(plain[0]).isEqualTo(2 * rounds);
  }

  @Test
  void thatIsFreeCannotBeUnlocked() {
    assertThatThrownBy(() -> SpinLock.unlock(word)).isInstanceOf(AssertionError.class);
  }
}
