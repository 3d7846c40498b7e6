package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.stats.MappedRange;

/// Misuse of every public method of views and address spaces there is: found by reflection, so that
/// a new method without an audit fails here.
class MisuseAuditTest {
  private static final int PAGE = 4096;
  private static final long RANGE = 1L << 40;
  private static final long[] BEYOND = {
    -16, Long.MIN_VALUE, RANGE, RANGE + PAGE, 1L << 62, Long.MAX_VALUE - 15
  };

  private final ViewFixture fixture = new ViewFixture(PAGE);
  private final View view = fixture.view;
  private final long base = fixture.space.map(2 * PAGE, Protection.READ_WRITE);
  private final List<String> wrong = new ArrayList<>();

  @AfterEach
  void nothingIsWrongOrHarmed() {
    fixture.close(); // checks every invariant
    assertThat(wrong).isEmpty();
  }

  private void require(
      String what, @Nullable Throwable thrown, @Nullable Class<?> type, String message) {
    boolean right =
        type == null
            ? thrown == null
            : type.isInstance(thrown) && String.valueOf(thrown.getMessage()).contains(message);
    if (!right) {
      wrong.add(what + " gave " + thrown);
    }
  }

  @Nested
  class EveryAccessOfAView {
    private static final long[] SENSELESS_LONGS = {-1, Long.MIN_VALUE, Long.MAX_VALUE, RANGE};
    private static final long[] SENSELESS_INTS = {-1, Integer.MIN_VALUE, Integer.MAX_VALUE};

    private static List<String> unaudited(Class<?> type) {
      return ViewCalls.methodsOf(type).stream()
          .filter(m -> ViewCalls.shape(m) == null)
          .map(Method::getName)
          .filter(name -> !ViewCalls.WITHOUT_ADDRESS.contains(name))
          .toList();
    }

    /// A class with a method that nobody has said the shape of, and one of another shape.
    @SuppressWarnings("unused") // called by nobody: that is what they are for
    public static final class Canary {
      public void newThing(long address) {}

      public void getThing(long address, long bytes, int more) {}

      public long getLong(long address) {
        return address;
      }
    }

    @Test
    void isAudited() {
      assertThat(unaudited(View.class)).isEmpty();
      assertThat(unaudited(Canary.class)).containsExactlyInAnyOrder("newThing", "getThing");
      assertThat(ViewCalls.accesses().size()).isGreaterThan(70);
    }

    @Test
    void worksWithGoodArguments() {
      for (Method m : ViewCalls.accesses()) {
        Object[] good = ViewCalls.arguments(m, view, base);
        require(m + "", ViewCalls.call(view, m, good), null, "");
      }
    }

    @Test
    void isRefusedToASecondThread() {
      CompletableFuture.runAsync(
              () -> {
                for (Method m : ViewCalls.accesses()) {
                  Object[] good = ViewCalls.arguments(m, view, base);
                  require(m + "", ViewCalls.call(view, m, good), WrongThreadException.class, "");
                }
              })
          .join();
    }

    @Test
    void isRefusedByAClosedView() {
      View closed = fixture.space.view();
      closed.close();
      for (Method m : ViewCalls.accesses()) {
        Object[] good = ViewCalls.arguments(m, view, base);
        Class<?> type = IllegalStateException.class;
        require(m + "", ViewCalls.call(closed, m, good), type, "this view is closed");
        for (int i : ViewCalls.placesOf(m, "W")) {
          good[i] = closed;
          require(m + "", ViewCalls.call(view, m, good), type, "this view is closed");
        }
      }
    }

    @Test
    void isRefusedBeyondTheRange() {
      for (Method m : ViewCalls.accesses()) {
        for (int place : ViewCalls.placesOf(m, "A")) {
          for (long address : BEYOND) {
            Object[] bad = ViewCalls.arguments(m, view, base);
            bad[place] = address;
            String what = "%s at 0x%x".formatted(m, address);
            Class<?> type = AccessViolationException.class;
            require(what, ViewCalls.call(view, m, bad), type, "beyond the range of space");
          }
        }
      }
    }

    @Test
    void isAViolationWhereNothingIsMapped() {
      for (Method m : ViewCalls.accesses()) {
        for (int place : ViewCalls.placesOf(m, "A")) {
          Object[] bad = ViewCalls.arguments(m, view, base);
          bad[place] = RANGE - 16;
          Class<?> type = ViewCalls.neverFaults(m) ? null : AccessViolationException.class;
          require(m + "", ViewCalls.call(view, m, bad), type, "not mapped");
        }
      }
    }

    @Test
    void isAViolationInAClosedSpace() {
      AddressSpace gone = fixture.vm.newAddressSpace();
      long address = gone.map(PAGE, Protection.READ_WRITE);
      try (View left = gone.view()) {
        left.putLong(address, 1);
        gone.close();
        for (Method m : ViewCalls.accesses()) {
          Object[] good = ViewCalls.arguments(m, left, address);
          Class<?> type = ViewCalls.neverFaults(m) ? null : AccessViolationException.class;
          require(m + "", ViewCalls.call(left, m, good), type, "the address space is closed");
        }
      }
    }

    @Test
    void isRefusedAtAnOddAddressIfItIsAtomic() {
      int audited = 0;
      for (Method m : ViewCalls.accesses()) {
        if (ViewCalls.isAligned(m)) {
          for (int offset : new int[] {1, 2, 3, PAGE - 1}) {
            Object[] odd = ViewCalls.arguments(m, view, base + offset);
            Class<?> type = IllegalArgumentException.class;
            require(m + "", ViewCalls.call(view, m, odd), type, "not a multiple of");
          }
          audited++;
        }
      }
      assertThat(audited).isEqualTo(24);
    }

    @Test
    void isRefusedForSenselessCountsAndOffsets() {
      for (Method m : ViewCalls.accesses()) {
        for (int place : ViewCalls.placesOf(m, "BFINL")) {
          boolean isLong = m.getParameterTypes()[place] == long.class;
          for (long senseless : isLong ? SENSELESS_LONGS : SENSELESS_INTS) {
            Object[] bad = ViewCalls.arguments(m, view, base);
            bad[place] = isLong ? (Object) senseless : (Object) (int) senseless;
            requireRefused(m, bad);
          }
        }
      }
    }

    private void requireRefused(Method m, Object[] bad) {
      Throwable thrown = ViewCalls.call(view, m, bad);
      boolean refused =
          thrown instanceof IllegalArgumentException
              || thrown instanceof IndexOutOfBoundsException
              || thrown instanceof AccessViolationException;
      if (!refused) {
        wrong.add(m + " of " + List.of(bad) + " gave " + thrown);
      }
    }

    @Test
    void doesNothingForNoBytes() {
      for (Method m : ViewCalls.accesses()) {
        for (int place : ViewCalls.placesOf(m, "BN")) {
          Object[] none = ViewCalls.arguments(m, view, RANGE - 16); // nothing is mapped there
          none[place] = m.getParameterTypes()[place] == long.class ? (Object) 0L : (Object) 0;
          require(m + "", ViewCalls.call(view, m, none), null, "");
        }
      }
    }
  }

  @Nested
  class EveryMethodOfASpace {
    private static final String ALWAYS =
        "name|range|pageTables|toString|nice|setNice|condemn|isCondemned|pardon|sharers"
            + "|limits|setLimits|timestamp";
    private static final long[] LENGTHS = {0, -1, Long.MIN_VALUE, RANGE + 1, Long.MAX_VALUE};

    /// How each is called, with a good range.
    private Map<String, Consumer<AddressSpace>> calls(long address) {
      Map<String, Consumer<AddressSpace>> calls = new LinkedHashMap<>();
      calls.put("name", s -> assertThat(s.name()).startsWith("space "));
      calls.put("range", s -> assertThat(s.range()).isEqualTo(RANGE));
      calls.put("pageTables", s -> assertThat(s.pageTables()).isEqualTo(PageTables.LINEAR));
      calls.put("toString", s -> assertThat(s.toString()).startsWith("space "));
      calls.put("nice", s -> assertThat(s.nice()).isZero());
      calls.put("setNice", s -> s.setNice(0));
      calls.put("condemn", AddressSpace::condemn);
      calls.put("isCondemned", s -> assertThat(s.isCondemned()).isTrue());
      calls.put("pardon", AddressSpace::pardon);
      calls.put("limits", s -> assertThat(s.limits()).isEqualTo(SpaceLimits.NONE));
      calls.put("setLimits", s -> s.setLimits(SpaceLimits.NONE));
      calls.put("timestamp", s -> assertThat(s.timestamp()).isNotNegative());
      calls.put("map", s -> s.map(PAGE, Protection.READ));
      calls.put("mappings", s -> s.mappings().forEach(MappedRange::text));
      calls.put("isMapped", s -> assertThat(s.isMapped(address, PAGE)).isTrue());
      calls.put("allows", s -> assertThat(s.allows(address, PAGE, Protection.READ)).isTrue());
      calls.put("placeBreak", s -> s.placeBreak(RANGE / 4));
      calls.put("growBreak", s -> assertThat(s.growBreak(PAGE)).isEqualTo(RANGE / 4));
      calls.put("setBreak", s -> s.setBreak(RANGE / 4 + 2 * PAGE));
      calls.put("mapDevice", s -> s.mapDevice(Device.SPACE, Protection.READ));
      calls.put("mapAt", s -> s.mapAt(address + 8 * PAGE, PAGE, Protection.READ));
      calls.put("unmap", s -> s.unmap(address, PAGE));
      calls.put("protect", s -> s.protect(address, PAGE, Protection.READ));
      calls.put("restrict", s -> s.restrict(address, PAGE, Protection.READ));
      calls.put("advise", s -> s.advise(address, PAGE, Advice.FREE));
      calls.put("sync", s -> s.sync(address + 8 * PAGE, PAGE));
      calls.put("residency", s -> s.residency(address + 8 * PAGE, PAGE));
      calls.put("wire", s -> s.wire(address + 8 * PAGE, PAGE));
      calls.put("unwire", s -> s.unwire(address + 8 * PAGE, PAGE));
      calls.put("wireAll", s -> s.wireAll(WireScope.CURRENT));
      calls.put("unwireAll", AddressSpace::unwireAll);
      calls.put("fork", s -> s.fork().close());
      calls.put("inherit", s -> s.inherit(address, PAGE, Inheritance.NONE));
      calls.put("freeze", AddressSpace::freeze);
      calls.put("thaw", AddressSpace::thaw);
      calls.put("share", s -> s.share().close());
      calls.put("sharers", s -> assertThat(s.sharers()).isBetween(0, 1));
      calls.put("unshare", s -> assertThat(s.unshare()).isFalse());
      calls.put("statistics", s -> assertThat(s.statistics().references()).isEqualTo(1));
      calls.put("replaceBy", s -> s.replaceBy(s, InitialStack.NONE));
      calls.put("replaceByEmpty", s -> s.replaceByEmpty(InitialStack.MAPPED));
      calls.put("view", s -> s.view().close());
      calls.put("close", AddressSpace::close);
      return calls;
    }

    private static @Nullable Throwable thrown(Consumer<AddressSpace> call, AddressSpace space) {
      try {
        call.accept(space);
        return null;
      } catch (RuntimeException e) {
        return e;
      }
    }

    @Test
    void isAudited() {
      assertThat(ViewCalls.methodsOf(AddressSpace.class).stream().map(Method::getName).distinct())
          .containsExactlyInAnyOrderElementsOf(calls(base).keySet());
    }

    @Test
    void worksInTheirOrder() {
      AddressSpace space = fixture.vm.newAddressSpace();
      long address = space.map(PAGE, Protection.READ_WRITE);
      calls(address).forEach((name, call) -> require(name, thrown(call, space), null, ""));
    }

    @Test
    void isRefusedByAClosedSpaceOrHasNothingToDo() {
      AddressSpace space = fixture.vm.newAddressSpace();
      long address = space.map(PAGE, Protection.READ_WRITE);
      space.close();
      calls(address)
          .forEach((name, call) -> {
            boolean nothingToDo = name.matches(ALWAYS + "|unmap|close|mappings");
            Class<?> type = nothingToDo ? null : IllegalStateException.class;
            require(name, thrown(call, space), type, "thaw".equals(name) ? "not frozen" : "closed");
          });
    }

    @Test
    void isRefusedByAClosedMachineOrHasNothingToDo() {
      VirtualMemory other = VirtualMemory.boot(VmConfig.builder().build());
      AddressSpace space = other.newAddressSpace();
      long address = space.map(PAGE, Protection.READ_WRITE);
      other.close();
      calls(address)
          .forEach((name, call) -> {
            Class<?> type = name.matches(ALWAYS + "|close") ? null : IllegalStateException.class;
            require(name, thrown(call, space), type, "closed");
          });
    }

    @Test
    void isRefusedForASenselessRange() {
      AddressSpace space = fixture.space;
      view.putLong(base, 5);
      for (long length : LENGTHS) {
        String what = " of " + length + " bytes";
        requireIllegal("map" + what, s -> s.map(length, Protection.READ));
        requireIllegal("mapAt" + what, s -> s.mapAt(0, length, Protection.READ));
        requireIllegal("unmap" + what, s -> s.unmap(0, length));
        requireIllegal("isMapped" + what, s -> s.isMapped(0, length));
        requireIllegal("allows" + what, s -> s.allows(0, length, Protection.READ));
        requireIllegal("inherit" + what, s -> s.inherit(0, length, Inheritance.NONE));
        requireIllegal("sync" + what, s -> s.sync(0, length));
        requireIllegal("wire" + what, s -> s.wire(0, length));
        requireIllegal("unwire" + what, s -> s.unwire(0, length));
      }
      for (long at :
          new long[] {1, base + 8, -PAGE, RANGE, Long.MIN_VALUE, -Long.MIN_VALUE - PAGE}) {
        String what = " at 0x%x".formatted(at);
        requireIllegal("mapAt" + what, s -> s.mapAt(at, PAGE, Protection.READ));
        requireIllegal("unmap" + what, s -> s.unmap(at, PAGE));
        requireIllegal("isMapped" + what, s -> s.isMapped(at, PAGE));
        requireIllegal("allows" + what, s -> s.allows(at, PAGE, Protection.READ));
        requireIllegal("placeBreak" + what, s -> s.placeBreak(at));
        requireIllegal("inherit" + what, s -> s.inherit(at, PAGE, Inheritance.NONE));
        requireIllegal("wire" + what, s -> s.wire(at, PAGE));
        requireIllegal("unwire" + what, s -> s.unwire(at, PAGE));
      }
      require("thaw", thrown(AddressSpace::thaw, space), IllegalStateException.class, "not frozen");
      assertThat(view.getLong(base)).isEqualTo(5);
    }

    private void requireIllegal(String what, Consumer<AddressSpace> call) {
      require(what, thrown(call, fixture.space), IllegalArgumentException.class, "");
    }
  }
}
