package org.pondhawk.vm.page;

import static java.lang.foreign.MemoryLayout.PathElement.groupElement;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PageLayoutTest {
  @ParameterizedTest(name = "{0} at {1}")
  @CsvSource({
    "busy, 0", "flags, 4", "wire, 8", "hold, 12", "pindex, 16", "object, 24", "place, 28",
    "next, 32", "prev, 36", "content, 40", "spin, 44", "mapping, 48", "ticket, 52", "address, 56"
  })
  void theDiagramIsTheLayout(String field, long offset) {
    assertThat(PageLayout.LAYOUT.byteOffset(groupElement(field))).isEqualTo(offset);
  }

  @Test
  void aDescriptorIsACacheLine() {
    assertThat(PageLayout.LAYOUT.byteSize()).isEqualTo(64).isEqualTo(PageLayout.BYTES);
    assertThat(PageLayout.LAYOUT.memberLayouts()).hasSize(14);
  }

  @Test
  void theConstantsAreTheOffsets() {
    assertThat(
            new long[] {
              PageLayout.BUSY, PageLayout.FLAGS, PageLayout.WIRE, PageLayout.HOLD,
              PageLayout.PINDEX, PageLayout.OBJECT, PageLayout.PLACE, PageLayout.NEXT,
              PageLayout.PREV, PageLayout.CONTENT, PageLayout.SPIN, PageLayout.MAPPING,
              PageLayout.TICKET, PageLayout.ADDRESS
            })
        .containsExactly(0, 4, 8, 12, 16, 24, 28, 32, 36, 40, 44, 48, 52, 56);
  }
}
