package org.pondhawk.vm.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Field;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.shm.Caller;
import org.pondhawk.vm.shm.Segments;

/// The canaries of what is checked about shared memory.
class SegmentCheckTest {
  private static final Caller OWNER = new Caller(0, 0, Set.of());

  private TestMachine machine;
  private Segments segments;
  private Object segment;

  @BeforeEach
  void aSoundMachine() throws Exception {
    machine = new TestMachine(256);
    Space space = machine.vm.newSpace();
    segments = machine.vm.segments();
    int id = segments.get(OWNER, 0, 3 * 4096, Segments.Creation.NEVER, 0600);
    Segments.Place anywhere = new Segments.Place(-1, false);
    long here = segments.attach(OWNER, id, space, anywhere, Access.READ | Access.WRITE);
    machine.put(space, here + 4096, 1);
    machine.vm.closeSpace(machine.self, space);
    Object table = field(segments, "table");
    Object slot = ((List<?>) field(table, "slots")).getFirst();
    segment = field(slot, "segment");
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
  }

  private static Object field(Object of, String name) throws ReflectiveOperationException {
    Field field = of.getClass().getDeclaredField(name);
    field.setAccessible(true);
    return Objects.requireNonNull(field.get(of));
  }

  private void set(String name, Object value) throws ReflectiveOperationException {
    Field field = segment.getClass().getDeclaredField(name);
    field.setAccessible(true);
    field.set(segment, value);
  }

  private void requireFound(String problem) {
    assertThat(VmCheck.run(machine.vm).problems())
        .anySatisfy(line -> assertThat(line).contains(problem));
  }

  @Test
  void findsAnAttachmentTooMany() throws Exception {
    set("attachments", 1);
    requireFound("1 attachments: 0 are there");
  }

  @Test
  void findsARemovedSegmentThatIsStillThere() throws Exception {
    set("removed", true);
    requireFound("it is over, and is there");
  }

  @Test
  void findsAReferenceThatIsNobodys() throws Exception {
    ((VmObject) field(segment, "object")).reference();
    requireFound("shown in 0 places");
  }

  @Test
  void findsPagesOfASegmentThatIsNotThereAnyMore() throws Exception {
    Object table = field(segments, "table");
    Field used = table.getClass().getDeclaredField("committedPages");
    used.setAccessible(true);
    used.set(table, 2L);
    requireFound("segments have 3 pages, and 2 are counted");
  }
}
