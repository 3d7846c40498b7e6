package org.pondhawk.vm.mem;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/// The files in which a kernel shows its processors and memory nodes, written by a test.
public final class SystemFiles {
  private final Path root;

  SystemFiles(Path root) {
    this.root = root;
  }

  Path root() {
    return root;
  }

  SystemFiles write(String file, String text) throws IOException {
    Path path = root.resolve(file);
    Files.createDirectories(path.getParent());
    Files.writeString(path, text + "\n");
    return this;
  }

  SystemFiles delete(String file) throws IOException {
    Files.delete(root.resolve(file));
    return this;
  }

  SystemFiles online(String list) throws IOException {
    return write("sys/devices/system/cpu/online", list);
  }

  SystemFiles cpu(int cpu, int socket, int core) throws IOException {
    String topology = "sys/devices/system/cpu/cpu" + cpu + "/topology/";
    return write(topology + "physical_package_id", "" + socket)
        .write(topology + "core_id", "" + core);
  }

  SystemFiles die(int cpu, int die) throws IOException {
    return write("sys/devices/system/cpu/cpu" + cpu + "/topology/die_id", "" + die);
  }

  SystemFiles node(int node, String cpus, long kibibytes) throws IOException {
    String directory = "sys/devices/system/node/node" + node + "/";
    return write(directory + "cpulist", cpus)
        .write(
            directory + "meminfo",
            "Node %d MemTotal:       %d kB\nNode %d MemFree:  17 kB"
                .formatted(node, kibibytes, node));
  }

  SystemFiles allowed(String cpus, String nodes) throws IOException {
    return write(
        "proc/self/status",
        "Name:\tjava\nCpus_allowed:\tff\nCpus_allowed_list:\t%s\nMems_allowed_list:\t%s"
            .formatted(cpus, nodes));
  }

  /// Two sockets of four cores of two threads, two nodes: the second threads have the numbers from
  /// 8 on, as most computers count.
  static SystemFiles large(Path root) throws IOException {
    SystemFiles files = new SystemFiles(root).online("0-15");
    for (int cpu = 0; cpu < 16; cpu++) {
      files.cpu(cpu, cpu / 4 % 2, cpu % 4);
    }
    return files.node(0, "0-3,8-11", 3000).node(1, "4-7,12-15", 1000).allowed("0-15", "0-1");
  }

  /// A computer of two sockets of one core, whose memory is on nodes of these numbers, three parts
  /// of four on the first.
  public static Topology twoNodes(int first, int second) {
    List<MemoryNode> nodes = List.of(new MemoryNode(first, 0, 3), new MemoryNode(second, 1, 1));
    List<Processor> processors =
        List.of(new Processor(0, 0, 0, first), new Processor(1, 0, 0, second));
    return new Topology(
        processors, 2, 1, 1, nodes, "made up", Topology.Hosts.oneEach(new int[] {0, 1}));
  }
}
