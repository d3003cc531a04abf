/**
 * State that exists before the first packet: connections that were opened earlier, services and backends that the
 * simulated traffic does not use. Entries are ordinary ones, so eviction, collection and pressure treat them as such.
 */
import type { CiliumMaps } from "../cilium/maps.js";
import { ipv4, IPV4_WORDS } from "../cilium/maps/address.js";
import { CT_RX_CLOSING, CT_SEEN_NON_SYN, CT_TX_CLOSING } from "../cilium/maps/ct-flags.js";
import type { CtMap } from "../cilium/maps/ct-map.js";
import { BACKEND_ACTIVE } from "../cilium/maps/service-maps.js";
import { Tuple, TUPLE_F_OUT } from "../cilium/maps/tuple.js";
import type { RandomStream } from "../core/random.js";
import { NS_PER_S } from "../core/units.js";
import type { Preload, PreloadKind, Scenario } from "../scenario/types.js";
import { wordAfter } from "./address-offset.js";
import { PROTOCOL_NUMBER } from "./populate.js";
import type { Topology } from "./topology.js";

/** Where client ports begin; `ip_local_port_range` starts here. */
const PORT_FIRST = 32_768;
/** Ports used toward one remote address before the next address is taken. */
const PORTS_PER_PEER = 28_000;
/** Peers of preloaded connections: the block for benchmarks (RFC 2544), which no simulated pod or node has. */
const PEERS = ipv4("198.18.0.0");
/** Port of the peers. */
const PEER_PORT = 443;
/** Services and backends of others: an address block of their own, and ids far from the simulated ones. */
const OTHER_SERVICES = ipv4("10.111.0.0");
const OTHER_BACKENDS = ipv4("10.200.0.0");
const OTHER_BACKEND_ID_FIRST = 1_000_000;
const OTHER_PORT = 80;
/** Entries that don't expire within the run do so between one and six hours after it. */
const BEYOND_S = { from: 3600, to: 6 * 3600 } as const;

const PROTOCOL_OF: Readonly<Record<PreloadKind, number>> = {
  established: PROTOCOL_NUMBER.TCP,
  closing: PROTOCOL_NUMBER.TCP,
  syn: PROTOCOL_NUMBER.TCP,
  udp: PROTOCOL_NUMBER.UDP,
};
const FLAGS_OF: Readonly<Record<PreloadKind, number>> = {
  established: CT_SEEN_NON_SYN,
  closing: CT_SEEN_NON_SYN | CT_RX_CLOSING | CT_TX_CLOSING,
  syn: 0,
  udp: 0,
};

/** The datapath's clock so many seconds after the start of the run. */
type Clock = (seconds: number) => number;

/** Fills the maps as the scenario says; returns how many entries were put in. `clock`: the datapath's clock so many seconds after the start. */
export function preload(maps: CiliumMaps, scenario: Scenario, topology: Topology, clock: Clock, random: RandomStream): number {
  let entries = 0;
  for (const item of scenario.preload) entries += preloadMap(item, maps, scenario, topology, clock, random);
  return entries;
}

function preloadMap(
  item: Preload,
  maps: CiliumMaps,
  scenario: Scenario,
  topology: Topology,
  clock: Clock,
  random: RandomStream,
): number {
  switch (item.map) {
    case "ct4_global":
      return preloadConntrack(maps.ct4Global, item, scenario, topology, clock, random);
    case "ct_any4_global":
      return preloadConntrack(maps.ctAny4Global, item, scenario, topology, clock, random);
    case "lb4_services_v2":
      return preloadServices(maps, item.entries);
    case "lb4_backends_v3":
      return preloadBackends(maps, item.entries);
    default:
      throw new RangeError(`${item.map} can't be preloaded`);
  }
}

/** OUT entries of the node's pods towards peers outside the simulation, oldest first, on CPUs drawn at random. */
function preloadConntrack(
  ct: CtMap,
  item: Preload,
  scenario: Scenario,
  topology: Topology,
  clock: Clock,
  random: RandomStream,
): number {
  const kind = item.kind ?? "established";
  const pods = topology.localPods;
  const tuple = new Tuple();
  const expires = lifetimes(item, scenario, clock, random);
  for (let i = 0; i < item.entries; i++) {
    const pod = pods[i % pods.length]!;
    const nth = Math.floor(i / pods.length);
    // OUT entries hold the addresses swapped and the ports straight.
    tuple.words[0] = pod.address;
    tuple.words[1] = wordAfter(PEERS, 1 + Math.floor(nth / PORTS_PER_PEER));
    tuple.setPorts(PEER_PORT, PORT_FIRST + (nth % PORTS_PER_PEER));
    tuple.setProtocolAndFlags(PROTOCOL_OF[kind], TUPLE_F_OUT);
    const slot = ct.map.update(tuple.words, 0, 0, random.below(scenario.cluster.cpus));
    if (slot < 0) return i;
    ct.setLifetime(slot, expires());
    ct.setFlags(slot, FLAGS_OF[kind]);
    ct.setSrcSecId(slot, pod.identity);
  }
  return item.entries;
}

/** Draws absolute lifetimes on the datapath clock. */
function lifetimes({ expires }: Preload, scenario: Scenario, clock: Clock, random: RandomStream): () => number {
  const endS = Math.ceil(scenario.durationNs / NS_PER_S);
  const from = expires === null ? endS + BEYOND_S.from : expires.fromNs / NS_PER_S;
  const to = expires === null ? endS + BEYOND_S.to : expires.toNs / NS_PER_S;
  return () => clock(Math.floor(from + random.nextFloat() * (to - from)));
}

/** Frontends of services without backends, up to `entries` in the whole map. */
function preloadServices(maps: CiliumMaps, entries: number): number {
  const { services } = maps.family(IPV4_WORDS);
  const wanted = Math.max(0, entries - services.map.count);
  const address = new Int32Array(1);
  for (let i = 0; i < wanted; i++) {
    address[0] = wordAfter(OTHER_SERVICES, 1 + i);
    services.setFrontend(address, 0, OTHER_PORT, PROTOCOL_NUMBER.TCP);
    services.keySlot = 0;
    const slot = services.map.update(services.key, 0, 0, 0);
    if (slot < 0) return i;
    services.setValue(slot, 0, 0, 0, 0, 0, 0);
  }
  return wanted;
}

function preloadBackends(maps: CiliumMaps, entries: number): number {
  const { backends } = maps.family(IPV4_WORDS);
  const wanted = Math.max(0, entries - backends.map.count);
  for (let i = 0; i < wanted; i++) {
    backends.key[0] = OTHER_BACKEND_ID_FIRST + i;
    const slot = backends.map.update(backends.key, 0, 0, 0);
    if (slot < 0) return i;
    backends.setValue(slot, [wordAfter(OTHER_BACKENDS, 1 + i)], OTHER_PORT, PROTOCOL_NUMBER.TCP, BACKEND_ACTIVE);
  }
  return wanted;
}
