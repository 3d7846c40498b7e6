package org.pondhawk.vm.mem;

import java.io.IOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads the topology of a computer from the files in which the kernel shows it.
///
/// Only the processors count that are online and that the process may run on. Where the container
/// grants less time than they have, as many are kept as it grants, dealt over the sockets, and each
/// of the others is counted to a kept one of its socket.
///
/// Numbers of sockets are made to start at 0 as the reference does it, gaps and all. Cores and
/// threads are numbered anew within what contains them, because a number that no usable processor
/// has would take colours that nobody asks for.
final class TopologyReader {
  private static final Pattern NODE = Pattern.compile("node(\\d{1,5})");
  private static final Pattern MEM_TOTAL = Pattern.compile("MemTotal:\\s+(\\d{1,15}) kB");
  private static final int NO_NODE = -1;

  private final Path cpus;
  private final Path nodes;
  private final Path status;
  private final int limit;

  /// Makes a reader.
  ///
  /// @param root the directory that `sys` and `proc` are in
  /// @param limit how many processors the JVM is granted, from 1
  TopologyReader(Path root, int limit) {
    this.cpus = root.resolve("sys/devices/system/cpu");
    this.nodes = root.resolve("sys/devices/system/node");
    this.status = root.resolve("proc/self/status");
    this.limit = limit;
  }

  /// Something that the kernel does not tell, or that does not fit together.
  private static final class OddException extends Exception {
    private static final long serialVersionUID = 1;

    OddException(String message) {
      super(message);
    }
  }

  /// One processor as the kernel describes it.
  private record Found(int cpu, int socket, long core, int node) {}

  /// Reads; what is odd makes the topology an unknown one.
  Topology read() {
    BitSet usable = new BitSet();
    try {
      usable.or(usable());
      if (usable.cardinality() < limit) {
        throw new OddException(
            "the JVM counts %d processors, of which %d can be used"
                .formatted(limit, usable.cardinality()));
      }
      Map<Integer, BitSet> nearTo = nodes();
      List<Found> found = new ArrayList<>();
      for (int cpu = usable.nextSetBit(0); cpu >= 0; cpu = usable.nextSetBit(cpu + 1)) {
        found.add(find(cpu, nearTo));
      }
      found.sort(
          Comparator.comparingInt(Found::socket)
              .thenComparingLong(Found::core)
              .thenComparingInt(Found::cpu));
      return topology(found, nearTo);
    } catch (OddException
        | IOException
        | IllegalArgumentException
        | DirectoryIteratorException odd) {
      return Topology.unknown(limit, why(odd), anyHosts(usable));
    }
  }

  private static String why(Exception odd) {
    String message = Objects.requireNonNullElse(odd.getMessage(), odd.toString());
    return odd instanceof IOException ? "cannot read " + message : message;
  }

  /// Where nothing is known, processors are dealt in the order of their numbers.
  private Topology.Hosts anyHosts(BitSet usable) {
    int[] places = new int[Math.max(usable.length(), limit)];
    int rank = 0;
    for (int cpu = 0; cpu < places.length; cpu++) {
      places[cpu] = (usable.get(cpu) ? rank++ : cpu) % limit;
    }
    return Topology.Hosts.oneEach(places);
  }

  private BitSet usable() throws IOException, OddException {
    BitSet usable = CpuList.parse(Files.readString(cpus.resolve("online")));
    BitSet allowed = allowed("Cpus_allowed_list:");
    if (!allowed.isEmpty()) {
      usable.and(allowed);
    }
    if (usable.isEmpty()) {
      throw new OddException("no processor is both online and allowed");
    }
    return usable;
  }

  /// A list of the process's status; empty if it is not there.
  private BitSet allowed(String name) throws IOException {
    if (!Files.exists(status)) {
      return new BitSet();
    }
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith(name)) {
        return CpuList.parse(line.substring(name.length()));
      }
    }
    return new BitSet();
  }

  private Found find(int cpu, Map<Integer, BitSet> nearTo) throws IOException, OddException {
    Path topology = cpus.resolve("cpu" + cpu).resolve("topology");
    int socket = number(topology.resolve("physical_package_id"));
    int core = number(topology.resolve("core_id"));
    Path dieFile = topology.resolve("die_id"); // not on all kernels, and cores count within it
    int die = Files.exists(dieFile) ? number(dieFile) : 0;
    int node = nearTo.isEmpty() ? 0 : NO_NODE;
    for (Map.Entry<Integer, BitSet> each : nearTo.entrySet()) {
      if (each.getValue().get(cpu)) {
        node = each.getKey();
      }
    }
    if (node == NO_NODE) {
      throw new OddException("cpu" + cpu + " belongs to no memory node");
    }
    return new Found(cpu, socket, ((long) die << Integer.SIZE) | core, node);
  }

  private static int number(Path file) throws IOException, OddException {
    String text = Files.readString(file).strip();
    try {
      int number = Integer.parseInt(text);
      if (number >= 0) {
        return number;
      }
    } catch (NumberFormatException _) {
      // said below
    }
    throw new OddException(file + " says '" + text + "'");
  }

  /// The processors of each node that is online; empty where the kernel knows no nodes.
  private Map<Integer, BitSet> nodes() throws IOException {
    Map<Integer, BitSet> nearTo = new TreeMap<>();
    if (!Files.isDirectory(nodes)) {
      return nearTo;
    }
    try (var list = Files.newDirectoryStream(nodes)) {
      for (Path node : list) {
        Matcher name = NODE.matcher(node.getFileName().toString());
        if (name.matches()) {
          int id = Integer.parseInt(name.group(1));
          nearTo.put(id, CpuList.parse(Files.readString(node.resolve("cpulist"))));
        }
      }
    }
    return nearTo;
  }

  private Topology topology(List<Found> all, Map<Integer, BitSet> nearTo)
      throws IOException, OddException {
    List<Found> kept = keep(all);
    int lowest = kept.stream().mapToInt(Found::socket).min().orElseThrow();
    int highest = kept.stream().mapToInt(Found::socket).max().orElseThrow();
    int sockets = highest - lowest + 1;
    List<Processor> processors = new ArrayList<>();
    int core = 0;
    int thread = 0;
    int cores = 1;
    int threads = 1;
    for (int n = 0; n < kept.size(); n++) {
      Found now = kept.get(n);
      if (n > 0) {
        Found before = kept.get(n - 1);
        boolean sameSocket = now.socket() == before.socket();
        boolean sameCore = sameSocket && now.core() == before.core();
        thread = sameCore ? thread + 1 : 0;
        core = sameCore ? core : sameSocket ? core + 1 : 0;
      }
      cores = Math.max(cores, core + 1);
      threads = Math.max(threads, thread + 1);
      processors.add(new Processor(now.socket() % sockets, core, thread, now.node()));
    }
    return new Topology(
        processors,
        sockets,
        cores,
        threads,
        memory(kept, nearTo, sockets),
        "as the kernel says",
        Topology.Hosts.oneEach(places(all, kept)));
  }

  /// As many as the JVM is granted, dealt over the sockets, in the old order.
  private List<Found> keep(List<Found> all) {
    if (all.size() <= limit) {
      return all;
    }
    Map<Integer, Integer> turn = new HashMap<>();
    Map<Found, Integer> turns = new HashMap<>();
    for (Found each : all) {
      turns.put(each, turn.merge(each.socket(), 1, Integer::sum));
    }
    List<Found> byTurn = new ArrayList<>(all);
    byTurn.sort(Comparator.comparingInt(each -> turns.getOrDefault(each, 0)));
    List<Found> kept = new ArrayList<>(all);
    kept.retainAll(byTurn.subList(0, limit));
    return kept;
  }

  /// Which kept processor each of the kernel's numbers stands for.
  private static int[] places(List<Found> all, List<Found> kept) {
    int most = all.stream().mapToInt(Found::cpu).max().orElseThrow();
    int[] places = new int[most + 1];
    Arrays.setAll(places, cpu -> cpu % kept.size());
    int rank = 0;
    for (Found each : all) {
      int own = kept.indexOf(each);
      if (own >= 0) {
        places[each.cpu()] = own;
        continue;
      }
      List<Found> near = kept.stream().filter(k -> k.socket() == each.socket()).toList();
      List<Found> to = near.isEmpty() ? kept : near;
      places[each.cpu()] = kept.indexOf(to.get(rank++ % to.size()));
    }
    return places;
  }

  /// The nodes that have memory for the process and usable processors.
  private List<MemoryNode> memory(List<Found> kept, Map<Integer, BitSet> nearTo, int sockets)
      throws IOException, OddException {
    if (nearTo.size() <= 1) {
      return List.of(Topology.onlyNode());
    }
    BitSet allowed = allowed("Mems_allowed_list:");
    List<MemoryNode> memory = new ArrayList<>();
    for (int id : nearTo.keySet()) {
      Found near = kept.stream().filter(each -> each.node() == id).findFirst().orElse(null);
      long bytes = memoryOf(id);
      if (near != null && bytes > 0 && (allowed.isEmpty() || allowed.get(id))) {
        memory.add(new MemoryNode(id, near.socket() % sockets, bytes));
      }
    }
    return memory.size() > 1 ? memory : List.of(Topology.onlyNode());
  }

  private long memoryOf(int node) throws IOException, OddException {
    Path file = nodes.resolve("node" + node).resolve("meminfo");
    Matcher total = MEM_TOTAL.matcher(Files.readString(file));
    if (!total.find()) {
      throw new OddException(file + " has no MemTotal");
    }
    return Long.parseLong(total.group(1)) << 10;
  }
}
