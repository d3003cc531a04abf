/**
 * The packet mix that packet-path.mjs measures, one side in a process of its own: N, 1 for repeated walks, packets; prints JSON.
 *
 * Requests of outside clients to 1024 services of a NodePort node with XDP, SNAT and Maglev (256 tables of 16381, 4096
 * backends on other nodes). One packet in 16 opens a flow; the others belong to the newest N/4 flows, each equally often. N flows
 * go through before, so that conntrack and NAT maps of N entries are full and every create evicts.
 *
 * The release is v1.16's datapath: an open flow's packet looks up service, SERVICE entry, backend, conntrack entry and
 * NAT entry; a new flow's makes two entries in each of the two maps.
 */
import { GCProfiler, getHeapStatistics, setFlagsFromString } from "node:v8";
import { median } from "./core-tables.mjs";
import { DEFAULT_DATAPATH, DEFAULT_LOAD_BALANCER, DEFAULT_NAT } from "../dist/cilium/datapath/config.js";
import { Datapath, VERDICT_WIRE } from "../dist/cilium/datapath/datapath.js";
import { NO_EVENTS } from "../dist/cilium/datapath/events.js";
import { ReadAhead } from "../dist/cilium/datapath/read-ahead.js";
import { HOOK_XDP, RepeatedWalks } from "../dist/cilium/datapath/repeated-walks.js";
import { OP_CT_UPDATE, OP_MAGLEV_OUTER_LOOKUP } from "../dist/cilium/datapath/ops.js";
import { IPPROTO_TCP, Packet, TCP_ACK, TCP_SYN } from "../dist/cilium/datapath/packet.js";
import { CiliumMaps, DEFAULT_MAP_OPTIONS } from "../dist/cilium/maps.js";
import { ipv4 } from "../dist/cilium/maps/address.js";
import { LogLinearCounter } from "../dist/core/log-linear.js";
import { RandomStreams } from "../dist/core/random.js";
import { Simulation } from "../dist/core/simulation.js";
import { INLINING } from "../dist/lab/inlining.js";
import { PacketCosts } from "../dist/node/costs.js";

for (const flag of INLINING) setFlagsFromString(flag);

const SERVICES = 1024;
const TABLES = 256;
const BACKENDS = 4096;
const TABLE_SIZE = 16381;
const CLIENTS = 64;
/** Mean time between two packets of a slot; drawn evenly from 0 to twice that, in whole numbers, which need no heap. */
const CONNECTION_GAP_NS = 1_000_000;
/** Simulated latencies recorded: up to a second. */
const HIGHEST_NS = 1e9;
const firstClient = ipv4("198.51.100.0");
const firstService = ipv4("10.96.0.0");
/** Packets between two looks at the clock. */
const WINDOW = 20_000;
/** Packets of each live flow before the measured ones, so that what is measured is a steady state. */
const WARMUP_PER_FLOW = 4;

const [entries, withWalks, packets] = process.argv.slice(2).map(Number);
const live = entries / 4;
const streams = new RandomStreams("packet-path");
const arrivals = streams.stream("arrivals");
const choices = streams.stream("choices");
const ports = streams.stream("snat-ports");

const size = { maxEntries: entries };
const maps = new CiliumMaps(
  { ...DEFAULT_MAP_OPTIONS, overrides: { ct4_global: size, snat_v4_external: size, nodeport_neigh4: { maxEntries: CLIENTS * 16 } } },
  { possibleCpus: 2, refill: "scaled" },
);
const config = {
  ...DEFAULT_DATAPATH,
  loadBalancer: { ...DEFAULT_LOAD_BALANCER, xdp: true, algorithm: "maglev", protocolDifferentiation: false },
  nat: { ...DEFAULT_NAT, restoreReverseOnForward: false },
};
const dp = new Datapath(maps, config, { events: NO_EVENTS, random: () => ports.nextUint32() | 0, signal() {} });
fillServices(maps.family(1));
new PacketCosts(maps, dp.opCosts);
const walks = withWalks === 1 ? new RepeatedWalks(dp, live, [HOOK_XDP]) : null;
const readAhead = withWalks === 1 ? null : new ReadAhead(live);
const memory = walks ?? readAhead;
const latencies = new LogLinearCounter(3, HIGHEST_NS);
const simulation = new Simulation();
const packet = new Packet();

/** A slot's flow is always a newer one of the same low bits: `slot + 1` names it for both. */
const flows = new Int32Array(64);
let opened = 0;
let wired = 0;
let pending = 0;
const next = simulation.on((slot) => {
  let flow = opened - 1 - ((opened - 1 - slot) & (live - 1));
  let flags = TCP_ACK;
  if ((choices.nextUint32() & 15) === 0) {
    flow = opened++;
    flags = TCP_SYN;
  }
  request(flow, flags);
  simulation.after(arrivals.below(2 * CONNECTION_GAP_NS), next, slot, 0);
  if (--pending === 0) simulation.stop();
});

simulation.foresee(next, {
  foresee(slots, count) {
    for (let i = 0; i < count; i++) flows[i] = 1 + slots[i];
    memory.foresee(flows, count);
  },
});
while (opened < entries) request(opened++, TCP_SYN);
dp.walks = walks;
dp.readAhead = readAhead;
for (let slot = 0; slot < live; slot++) simulation.at(arrivals.below(2 * CONNECTION_GAP_NS), next, slot, 0);
const windows = [];
const warmup = Math.ceil((WARMUP_PER_FLOW * live) / WINDOW);
const total = warmup + packets / WINDOW;
// The compiler's own work comes first; what it takes is not counted, what the packets do is.
while (windows.length < warmup) measureWindow();
wired = 0;
dp.ops.fill(0);
const allocated = allocatedBytes(() => {
  while (windows.length < total) measureWindow();
});
console.log(
  JSON.stringify({
    nsPerPacket: median(windows.slice(warmup)),
    // Of the conntrack entry itself: an entry of the service, whose lookup is another one, is made after Maglev's.
    missRatio: (dp.ops[OP_CT_UPDATE] - dp.ops[OP_MAGLEV_OUTER_LOOKUP]) / packets,
    delivered: wired / packets,
    bytesPerPacket: allocated / packets,
    modelBytes: maps.ct4Global.map.modelBytes + maps.snatV4External.map.modelBytes,
  }),
);

/** CPU time of a run of packets, ns each. */
function measureWindow() {
  const before = process.cpuUsage();
  pending = WINDOW;
  simulation.run(Number.MAX_SAFE_INTEGER);
  const { user, system } = process.cpuUsage(before);
  windows.push(((user + system) * 1000) / WINDOW);
}

/** A client's packet of a flow, through the XDP program. Client, port and service follow from the flow's number. */
function request(flow, flags) {
  packet.reset();
  packet.saddr = firstClient + ((((flow >>> 16) & (CLIENTS - 1)) << 24) | 0);
  packet.daddr = serviceAddress(scramble(flow ^ 0x5bd1e995) & (SERVICES - 1));
  packet.protocol = IPPROTO_TCP;
  packet.sport = flow & 0xffff;
  packet.dport = 80;
  packet.tcpFlags = flags;
  packet.ttl = 64;
  packet.length = 64;
  packet.flow = 1 + (flow & (live - 1));
  dp.now = 1000 + Math.floor(simulation.now / 1e9);
  if (dp.xdpEntry(packet) === VERDICT_WIRE) wired++;
  latencies.record(dp.takeCost());
}

function serviceAddress(i) {
  return firstService + (((i >> 8) & 255) << 16) + ((i & 255) << 24);
}

/** A bijection of 32 bits, so that flows spread over services in no order. */
function scramble(x) {
  let y = x ^ (x >>> 16);
  y = Math.imul(y, 0x7feb352d);
  y ^= y >>> 15;
  y = Math.imul(y, 0x846ca68b);
  return y ^ (y >>> 16);
}

function fillServices(family) {
  const { services, backends, maglev } = family;
  for (let i = 0; i < BACKENDS; i++) {
    backends.key[0] = i + 1;
    const slot = backends.map.update(backends.key, 0, 0, 0);
    backends.setValue(slot, [ipv4("10.1.0.0") + (((i >> 8) & 255) << 16) + ((i & 255) << 24)], 8080, IPPROTO_TCP, 0);
  }
  const loadBalancerAndRoutable = 66;
  for (let i = 0; i < SERVICES; i++) {
    services.setFrontend(Int32Array.of(serviceAddress(i)), 0, 80, 0);
    const slot = services.map.update(services.key, 0, 0, 0);
    services.setValue(slot, 0, 10, 1 + (i % TABLES), loadBalancerAndRoutable, 0, 0);
  }
  for (let i = 0; i < TABLES; i++) {
    maglev.setTable(1 + i, Int32Array.from({ length: TABLE_SIZE }, (_, place) => 1 + ((place * 7919 + i * 131) % BACKENDS)));
  }
}

/** Garbage-collected bytes that `work` allocates: growth of the heap between collections, summed over them. */
function allocatedBytes(work) {
  const profiler = new GCProfiler();
  profiler.start();
  let floor = getHeapStatistics().used_heap_size;
  work();
  const end = getHeapStatistics().used_heap_size;
  let bytes = end - floor;
  for (const { beforeGC, afterGC } of profiler.stop().statistics) {
    bytes += beforeGC.heapStatistics.usedHeapSize - afterGC.heapStatistics.usedHeapSize;
  }
  return bytes;
}
