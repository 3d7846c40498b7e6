package org.pondhawk.vm.mem;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Runs a program on another JVM, one that denies native access to everything.
class WithoutNativeAccessTest {
  private static final String PROGRAM =
      """
      import java.lang.foreign.ValueLayout;
      import java.nio.file.Path;
      import org.pondhawk.vm.*;
      import org.pondhawk.vm.mem.*;
      import org.pondhawk.vm.swap.*;

      void main(String[] arguments) throws Exception {
        IO.println("available " + Linux.available());
        IO.println("membarrier " + Linux.registerMembarrier());
        Linux.schedYield();
        IO.println("processor " + (Linux.currentCpu() >= 0));
        try (var frames = FrameMemory.reserve(256, 4096); var own = new OwnMemory()) {
          frames.poison(7);
          frames.giveBack(7);
          frames.poison(8);
          IO.println("zeroed " + RawMemory.allBytesAre(frames.address(7), 4096, (byte) 0));
          IO.println("kept " + RawMemory.allBytesAre(frames.address(8), 4096, FrameMemory.POISON));
          long table = own.reserveSparse(1 << 24);
          IO.println("cas " + RawMemory.compareAndSetLong(table, 0, 5) + RawMemory.getLong(table));
          own.releaseSparse(table, 1 << 24);
          var bitmap = new RadixBitmap(5000, own);
          bitmap.free(64, 4000);
          IO.println("block " + bitmap.allocate(64));
          try {
            own.reserveSparse(1L << 50);
          } catch (IllegalStateException e) {
            IO.println(e.getMessage());
          }
        }
        try (var vm = VirtualMemory.boot(VmConfig.builder().physicalMemory(8 << 20).build());
            var space = vm.newAddressSpace();
            var view = space.view()) {
          long base = space.map(8192, Protection.READ_WRITE);
          try (var lease = view.lease(base + 4000, 200, LeaseMode.WRITE)) {
            lease.segments().forEach(s -> s.set(ValueLayout.JAVA_BYTE, s.byteSize() - 1, (byte) 7));
          }
          IO.println("leased " + view.getByte(base + 4095) + view.getByte(base + 4199));
        }
        try {
          SwapFile.create(SwapFileSpec.anonymous(Path.of(arguments[0]), 1 << 20, 4096));
        } catch (java.io.IOException e) {
          IO.println(e.getMessage());
        }
      }
      """;

  @Test
  void theSameCodeRunsOnMemoryOfThePool(@TempDir Path directory) throws Exception {
    String output = run(directory);

    assertThat(output.lines())
        .contains("available false", "membarrier false", "processor true")
        .contains("zeroed true", "kept true", "cas true5", "block 64", "leased 77")
        .anyMatch(line -> line.startsWith("cannot reserve 1125899906842624 bytes: without native"))
        .anyMatch(line -> line.startsWith("swap needs native calls, and there are none: "));
  }

  private static String run(Path directory) throws IOException, InterruptedException {
    Path source = Files.writeString(directory.resolve("Program.java"), PROGRAM);
    Path output = directory.resolve("output");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--illegal-native-access=deny",
                "--class-path",
                classes().toString(),
                source.toString(),
                directory.toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    boolean ended = process.waitFor(60, TimeUnit.SECONDS);
    process.destroyForcibly();
    assertThat(ended).as("the program ended in time").isTrue();
    return Files.readString(output);
  }

  private static Path classes() {
    try {
      return Path.of(FrameMemory.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (java.net.URISyntaxException e) {
      throw new AssertionError(e);
    }
  }
}
