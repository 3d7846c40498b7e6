package org.pondhawk.vm.mem;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The processors that a machine is made for: how many, in which sockets and cores, and near to
/// which memory (the reference's `cpu_topology`).
///
/// It is the computer's, as the kernel tells it; or a simulated one, for tests and to see how a
/// larger machine would behave; or unknown, when there is only a number of processors. Processors
/// are numbered from 0 in the order of sockets, cores and threads, whatever the kernel calls them.
///
/// Immutable.
public final class Topology {
  /// The most processors of a machine: as many as there are colours.
  public static final int MAX_PROCESSORS = 1 << 10;

  private static final int MOST_SIMULATED = 1 << 13;

  private static final Pattern FORM = Pattern.compile("(\\d{1,4})x(\\d{1,4})x(\\d{1,4})");

  /// That of the computer is read once.
  private static final class OfSystem {
    static final Topology TOPOLOGY =
        new TopologyReader(Path.of("/"), Runtime.getRuntime().availableProcessors()).read();
  }

  private final List<Processor> processors;
  private final int sockets;
  private final int coresPerSocket;
  private final int threadsPerCore;
  private final List<MemoryNode> nodes;
  private final String source;

  /// By the kernel's number of a processor: the first of ours that it stands for, and how many.
  private final int[] first;

  private final int[] count;

  /// Makes a known topology.
  ///
  /// @param hosts the processor that each of the kernel's numbers stands for
  Topology(
      List<Processor> processors,
      int sockets,
      int coresPerSocket,
      int threadsPerCore,
      List<MemoryNode> nodes,
      String source,
      Hosts hosts) {
    this.processors = List.copyOf(processors);
    this.sockets = sockets;
    this.coresPerSocket = coresPerSocket;
    this.threadsPerCore = threadsPerCore;
    this.nodes = List.copyOf(nodes);
    this.source = source;
    this.first = hosts.first();
    this.count = hosts.count();
  }

  /// Which processors of a topology the kernel's processors stand for.
  ///
  /// @param first by the kernel's number: the first of those that it stands for
  /// @param count by the kernel's number: how many it stands for, from 1
  @SuppressWarnings("ArrayRecordComponent") // never compared, never shown
  record Hosts(int[] first, int[] count) {
    /// Each of the kernel's processors stands for one.
    static Hosts oneEach(int[] places) {
      int[] ones = new int[places.length];
      Arrays.fill(ones, 1);
      return new Hosts(places, ones);
    }

    /// Deals processors that do not exist to those of a computer, neighbours to the same, so that a
    /// simulated socket lies within as few real ones as can be.
    static Hosts dealt(int processors, Topology computer) {
      int hosts = computer.processors();
      int[] first = new int[computer.first.length];
      int[] count = new int[first.length];
      for (int cpu = 0; cpu < first.length; cpu++) {
        int host = computer.first[cpu];
        first[cpu] = host * processors / hosts;
        count[cpu] = Math.max(1, (host + 1) * processors / hosts - first[cpu]);
      }
      return new Hosts(first, count);
    }
  }

  /// The topology of this computer, as far as this process may use it; unknown if the kernel does
  /// not tell, or tells what does not fit together.
  public static Topology ofSystem() {
    return OfSystem.TOPOLOGY;
  }

  /// So many processors, of which nothing else is known.
  ///
  /// @param processors from 1
  public static Topology unknown(int processors) {
    Topology computer = ofSystem();
    return unknown(processors, "as asked for", Hosts.dealt(processors, computer));
  }

  /// As [#unknown(int)], because of something.
  static Topology unknown(int processors, String why, Hosts hosts) {
    if (processors < 1) {
      throw new IllegalArgumentException("a topology of " + processors + " processors");
    }
    List<Processor> all = new ArrayList<>();
    for (int n = 0; n < processors; n++) {
      all.add(new Processor(0, n, 0, 0));
    }
    return new Topology(all, 1, 0, 0, List.of(onlyNode()), why, hosts);
  }

  /// The node of a computer that has only one.
  static MemoryNode onlyNode() {
    return new MemoryNode(0, MemoryNode.NO_SOCKET, 1);
  }

  /// A simulated topology from text: sockets, cores in each and threads on each, as in `2x8x2`.
  ///
  /// @throws IllegalArgumentException if the text is not of that form, or of none or more than
  ///   [#MAX_PROCESSORS], with a message in one line
  public static Topology parse(String text) {
    Matcher form = FORM.matcher(text);
    if (!form.matches()) {
      throw new IllegalArgumentException(
          "topology=" + text + " is not of the form sockets x cores x threads, as in 2x8x2");
    }
    int sockets = Integer.parseInt(form.group(1));
    int cores = Integer.parseInt(form.group(2));
    int threads = Integer.parseInt(form.group(3));
    long all = (long) sockets * cores * threads;
    if (all < 1 || all > MAX_PROCESSORS) {
      throw new IllegalArgumentException(
          "topology=%s is not of 1 to %d processors".formatted(text, MAX_PROCESSORS));
    }
    return simulated(sockets, cores, threads);
  }

  /// A simulated topology, which may have more processors than there are colours. Its memory is
  /// divided evenly among the sockets.
  ///
  /// @throws IllegalArgumentException if a number is below 1 or the product above 8192
  public static Topology simulated(int sockets, int coresPerSocket, int threadsPerCore) {
    return simulated(sockets, coresPerSocket, threadsPerCore, ofSystem());
  }

  static Topology simulated(
      int sockets, int coresPerSocket, int threadsPerCore, Topology computer) {
    long all = (long) sockets * coresPerSocket * threadsPerCore;
    if (sockets < 1 || coresPerSocket < 1 || threadsPerCore < 1 || all > MOST_SIMULATED) {
      throw new IllegalArgumentException(
          "topology=%dx%dx%d is not of 1 to %d processors"
              .formatted(sockets, coresPerSocket, threadsPerCore, MOST_SIMULATED));
    }
    List<Processor> processors = new ArrayList<>();
    List<MemoryNode> nodes = new ArrayList<>();
    for (int socket = 0; socket < sockets; socket++) {
      nodes.add(new MemoryNode(MemoryNode.NOT_BOUND, socket, 1));
      for (int n = 0; n < coresPerSocket * threadsPerCore; n++) {
        processors.add(new Processor(socket, n / threadsPerCore, n % threadsPerCore, socket));
      }
    }
    return new Topology(
        processors,
        sockets,
        coresPerSocket,
        threadsPerCore,
        nodes,
        "simulated",
        Hosts.dealt(processors.size(), computer));
  }

  /// The same topology as if it were the computer's own: the kernel's processor n is its processor
  /// n. For tests that say themselves which processor they are on.
  public Topology asComputer() {
    int[] same = new int[processors()];
    Arrays.setAll(same, n -> n);
    return new Topology(
        processors, sockets, coresPerSocket, threadsPerCore, nodes, source, Hosts.oneEach(same));
  }

  /// Whether more than the number of processors is known.
  public boolean isKnown() {
    return threadsPerCore != 0;
  }

  /// How many processors there are.
  public int processors() {
    return processors.size();
  }

  /// One of them.
  ///
  /// @param n from 0 to [#processors] - 1
  public Processor processor(int n) {
    return processors.get(n);
  }

  /// How many numbers of sockets there are, unused ones included (`cpu_topology_phys_ids`); 1 if
  /// unknown.
  public int sockets() {
    return sockets;
  }

  /// How many numbers of cores a socket has (`cpu_topology_core_ids`); 0 if unknown.
  public int coresPerSocket() {
    return coresPerSocket;
  }

  /// How many numbers of threads a core has (`cpu_topology_ht_ids`); 0 if unknown.
  public int threadsPerCore() {
    return threadsPerCore;
  }

  /// The memory nodes whose memory the process may use and has processors near to; at least one.
  public List<MemoryNode> nodes() {
    return nodes;
  }

  /// The processor that a thread is counted to while it runs on one of the kernel's.
  ///
  /// @param cpu the kernel's number of a processor; any number is answered, since processors come
  ///   and go, and -1 is what the C library says where it does not know
  /// @param seat a number of the thread, from 0: which one to take where one of the kernel's
  ///   processors stands for several
  /// @return from 0 to [#processors] - 1
  public int processorFor(int cpu, int seat) {
    int known = cpu >= 0 && cpu < first.length ? cpu : Math.floorMod(cpu, first.length);
    int several = count[known];
    return several == 1 ? first[known] : first[known] + seat % several;
  }

  /// Divides frames among the nodes, by how much memory each has.
  ///
  /// @param frameCount from 1
  /// @return ranges in ascending order that cover all frames; a node that gets none has no range
  public List<FrameRange> divide(int frameCount) {
    double all = nodes.stream().mapToDouble(MemoryNode::bytes).sum();
    List<FrameRange> ranges = new ArrayList<>();
    double before = 0;
    int from = 0;
    for (int n = 0; n < nodes.size(); n++) {
      before += nodes.get(n).bytes();
      boolean last = n == nodes.size() - 1;
      int end = last ? frameCount : (int) Math.round(frameCount * (before / all));
      if (end > from) {
        ranges.add(new FrameRange(from, end - from, nodes.get(n)));
      }
      from = end;
    }
    return List.copyOf(ranges);
  }

  /// The topology in words, with where it comes from, or why it is not known.
  public String describe() {
    if (!isKnown()) {
      return "%s, topology unknown: %s".formatted(times(processors(), "processor"), source);
    }
    return "%s x %s x %s, %s, %s"
        .formatted(
            times(sockets, "socket"),
            times(coresPerSocket, "core"),
            times(threadsPerCore, "thread"),
            times(nodes.size(), "memory node"),
            source);
  }

  /// The topology in a word, as [#parse] takes it: `2x8x2`, or the number of processors.
  public String brief() {
    return isKnown()
        ? sockets + "x" + coresPerSocket + "x" + threadsPerCore
        : Integer.toString(processors());
  }

  private static String times(int n, String what) {
    return n + " " + what + (n == 1 ? "" : "s");
  }

  @Override
  public String toString() {
    return describe();
  }
}
