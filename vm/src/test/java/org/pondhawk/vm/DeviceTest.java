package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.kmem.SpaceField;
import org.pondhawk.vm.kmem.StatisticsField;
import org.pondhawk.vm.stats.DeviceField;
import org.pondhawk.vm.stats.VmStatistics;

/// The pages that a machine shares with its spaces.
class DeviceTest {
  private static final int PAGE = 4096;

  private final ViewFixture fixture = new ViewFixture(PAGE);
  private final VirtualMemory vm = fixture.vm;
  private final AddressSpace space = fixture.space;
  private final View view = fixture.view;

  @AfterEach
  void nothingIsLeft() {
    fixture.check();
    view.close();
    space.close();
    assertThat(vm.machine().pageOperations().alone().inUse()).isZero();
    assertThat(vm.check().summary()).isEqualTo("clean");
    vm.close();
  }

  private long statistic(long at, String field) {
    return view.getLong(at + Device.STATISTICS.offset(field));
  }

  @Test
  void theStatisticsAreThoseOfTheMachine() {
    long heap = space.map(20 * PAGE, Protection.READ_WRITE);
    for (int i = 0; i < 20; i++) {
      view.putLong(heap + (long) i * PAGE, i + 1);
    }
    long at = space.mapDevice(Device.STATISTICS, Protection.READ);
    assertThat(statistic(at, "magic")).isEqualTo(StatisticsField.MAGIC_WORD);
    VmStatistics now = vm.statistics();
    assertThat(statistic(at, "page_size")).isEqualTo(PAGE);
    assertThat(statistic(at, "page_count")).isEqualTo(now.pageCount());
    assertThat(statistic(at, "free")).isEqualTo(now.freePages());
    assertThat(statistic(at, "cache")).isEqualTo(now.cachedPages());
    assertThat(statistic(at, "inactive")).isEqualTo(now.inactivePages());
    assertThat(statistic(at, "active")).isEqualTo(now.activePages());
    assertThat(statistic(at, "wired")).isEqualTo(now.wiredPages());
    assertThat(statistic(at, "faults_minor"))
        .as("but for the fault on the page itself, unless a turn of the daemon came between")
        .isBetween(now.faultsMinor() - 1, now.faultsMinor());
    assertThat(statistic(at, "zero_fills")).isEqualTo(now.zeroFills()).isGreaterThanOrEqualTo(20);
    assertThat(statistic(at, "sequence") % 2).isZero();
  }

  @Test
  void theStatisticsCanOnlyBeRead() {
    assertThatThrownBy(() -> space.mapDevice(Device.STATISTICS, Protection.READ_WRITE))
        .isInstanceOf(IllegalArgumentException.class);
    long at = space.mapDevice(Device.STATISTICS, Protection.READ);
    assertThatThrownBy(() -> view.putLong(at, 1)).isInstanceOf(AccessViolationException.class);
    assertThatThrownBy(() -> space.protect(at, PAGE, Protection.READ_WRITE))
        .isInstanceOf(AccessViolationException.class);
  }

  @Test
  void aSpaceHasAPageOfItsOwnAndAForkAnother() {
    long at = space.mapDevice(Device.SPACE, Protection.READ_WRITE);
    int own = Device.SPACE.offset("program");
    int number = Device.SPACE.offset("space");
    assertThat(view.getLong(at)).isEqualTo(SpaceField.MAGIC_WORD);
    assertThat(view.getLong(at + Device.SPACE.offset("bytes"))).isEqualTo(PAGE);
    view.putLong(at + own, 41);
    try (AddressSpace child = space.fork();
        View other = child.view()) {
      assertThat(other.getLong(at + own)).as("its own, fresh").isZero();
      assertThat(other.getLong(at + number)).isEqualTo(child.internal().id());
      other.putLong(at + own, 42);
      assertThat(view.getLong(at + own)).isEqualTo(41);
      assertThat(view.getLong(at + number)).isEqualTo(space.internal().id());
      try (AddressSpace grandchild = child.fork();
          View third = grandchild.view()) {
        assertThat(third.getLong(at + own)).isZero();
      }
      assertThat(other.getLong(at + own)).isEqualTo(42);
    }
  }

  @Test
  void aSpaceSeesOnePageHoweverOftenItMapsIt() {
    long one = space.mapDevice(Device.SPACE, Protection.READ_WRITE);
    long two = space.mapDevice(Device.SPACE, Protection.READ);
    view.putLong(one + 64, 5);
    assertThat(view.getLong(two + 64)).isEqualTo(5);
    space.unmap(one, PAGE);
    assertThat(view.getLong(two + 64)).as("it is mapped yet").isEqualTo(5);
    space.unmap(two, PAGE);
    long again = space.mapDevice(Device.SPACE, Protection.READ);
    assertThat(view.getLong(again + 64)).as("another page").isZero();
  }

  @Test
  void aWindowKeepsItsBytesWhenItIsUnmapped() {
    long at = space.mapDevice(Device.SPACE, Protection.READ_WRITE);
    view.putLong(at + 64, 5);
    try (PageWindow window = view.window(at, PAGE)) {
      assertThat(window.next()).isTrue();
      space.unmap(at, PAGE);
      assertThat(window.bytes().get(ValueLayout.JAVA_LONG, 64)).isEqualTo(5);
    }
  }

  @Test
  void staysWhereItIsWhenMemoryIsShort() {
    long own = space.mapDevice(Device.SPACE, Protection.READ_WRITE);
    long at = space.mapDevice(Device.STATISTICS, Protection.READ);
    view.putLong(own + 64, 7);
    long heap = fixture.mapTwiceTheMemory();
    for (long i = 0; i < 2 * fixture.frameBytes(); i += PAGE) {
      view.putLong(heap + i, i);
    }
    assertThat(vm.statistics().pagesOut()).isPositive();
    assertThat(view.getLong(own + 64)).isEqualTo(7);
    assertThat(statistic(at, "swap_pages_out"))
        .as("refreshed by the daemon's turns, without a fault")
        .isPositive();
  }

  @ParameterizedTest
  @EnumSource(Device.class)
  void theLayoutIsDocumented(Device device) throws IOException {
    String text = Files.readString(Path.of("..", "docs", "devices.md"));
    for (DeviceField field : device.fields()) {
      assertThat(text)
          .contains(
              "| %d | %s | %s | %s |"
                  .formatted(field.offset(), field.name(), field.unit(), field.what()));
    }
    assertThatThrownBy(() -> device.offset("colour")).hasMessageContaining("has no colour");
  }
}
