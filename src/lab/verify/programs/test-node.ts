/**
 * The node that the programs were recorded on, built from the simulator's own maps and datapath: addresses, pods, build
 * options, and the changes that a recorded agent makes.
 */

import { AGGREGATION, DEFAULT_DATAPATH, DEFAULT_LOAD_BALANCER, DEFAULT_NAT } from "../../../cilium/datapath/config.js";
import type { DatapathConfig, LoadBalancerConfig } from "../../../cilium/datapath/config.js";
import { Datapath } from "../../../cilium/datapath/datapath.js";
import type { DatapathEvents } from "../../../cilium/datapath/events.js";
import { CiliumMaps, DEFAULT_MAP_OPTIONS } from "../../../cilium/maps.js";
import { IPV4_WORDS, ipv4 } from "../../../cilium/maps/address.js";
import { CILIUM_MAPS } from "../../../cilium/maps/definitions.js";
import { ENDPOINT_F_HOST } from "../../../cilium/maps/identity-maps.js";
import { POLICY_EGRESS, POLICY_INGRESS } from "../../../cilium/maps/policy-map.js";
import type { PolicyMap } from "../../../cilium/maps/policy-map.js";
import { PROTOCOLS } from "../map-entries.js";
import { deleteBackend, writeBackend, writeService } from "./service-writer.js";
import type { BackendSetup, PodPolicy, PolicyEntrySetup, ProgramConfig, ServiceSetup, Setup } from "./vectors.js";

/** A pod of the recorded node. */
export interface Pod {
  readonly name: string;
  readonly address: number;
  readonly lxcId: number;
  readonly identity: number;
  readonly ifindex: number;
}

const POD_IFINDEX = 10;
/** Pods A, B and C. */
export const PODS: readonly Pod[] = [
  { name: "A", address: ipv4("10.1.0.11"), lxcId: 101, identity: 1001, ifindex: POD_IFINDEX },
  { name: "B", address: ipv4("10.1.0.12"), lxcId: 102, identity: 1002, ifindex: POD_IFINDEX + 1 },
  { name: "C", address: ipv4("10.1.0.13"), lxcId: 103, identity: 1003, ifindex: POD_IFINDEX + 2 },
];

const NODE_ADDRESS = ipv4("192.168.10.1");
const ROUTER_ADDRESS = ipv4("10.1.0.1");
const OTHER_NODE = ipv4("192.168.10.2");
const HOST_IDENTITY = 1;
const WORLD_IDENTITY = 2;
const REMOTE_NODE_IDENTITY = 6;
/** Pods D and E of the other node. */
const REMOTE_PODS = [
  { address: ipv4("10.1.1.21"), identity: 2001 },
  { address: ipv4("10.1.1.22"), identity: 2002 },
];
const NATIVE_CIDR = { address: [ipv4("10.1.0.0")], prefix: 16 };

/** Recorded on two CPUs, one of which does everything, on a kernel with scaled refills. */
const HOST = { possibleCpus: 2, refill: "scaled" } as const;
/** Enough for every vector that names no size, so that nothing is evicted. */
const ROOMY_ENTRIES = 16384;
/** Maps that an agent makes larger than any vector needs: most of a replay would be making them. */
const ROOMY = Object.fromEntries(
  Object.entries(CILIUM_MAPS).flatMap(([name, { maxEntries }]) => (maxEntries > ROOMY_ENTRIES ? [[name, { maxEntries: ROOMY_ENTRIES }]] : [])),
);

const loadBalancer = (changes: Partial<LoadBalancerConfig>): LoadBalancerConfig => ({
  ...DEFAULT_LOAD_BALANCER,
  socketLb: false,
  perPacketLb: true,
  ...changes,
});
const MAGLEV_TABLE = 251;
const MAGLEV_TABLE_LARGE = 16381;

/** What each named build changes. */
const BUILDS: Readonly<Record<ProgramConfig, Partial<DatapathConfig>>> = {
  random: { loadBalancer: loadBalancer({}) },
  small: { loadBalancer: loadBalancer({}) },
  maglev: { loadBalancer: loadBalancer({ algorithm: "maglev", maglevTableSize: MAGLEV_TABLE }) },
  maglev16381: { loadBalancer: loadBalancer({ algorithm: "maglev", maglevTableSize: MAGLEV_TABLE_LARGE }) },
  "xdp-random": { loadBalancer: loadBalancer({ xdp: true }) },
  "xdp-maglev": { loadBalancer: loadBalancer({ xdp: true, algorithm: "maglev", maglevTableSize: MAGLEV_TABLE }) },
  dsr: { loadBalancer: loadBalancer({ mode: "dsr" }) },
  nomasq: { loadBalancer: loadBalancer({}), bpfMasquerade4: false },
  tunnel: { loadBalancer: loadBalancer({}), tunnel: true },
};

/** The datapath's configuration in a named build. */
export function buildConfig(build: ProgramConfig): DatapathConfig {
  return {
    ...DEFAULT_DATAPATH,
    ...BUILDS[build],
    node: {
      ...DEFAULT_DATAPATH.node,
      address4: [NODE_ADDRESS],
      router4: [ROUTER_ADDRESS],
      nativeRoutingCidr4: NATIVE_CIDR,
    },
    nat: DEFAULT_NAT,
    aggregation: AGGREGATION.medium,
  };
}

/** Random numbers that a step hands in, counted. */
export class HandedRandom {
  #numbers: readonly number[] = [];
  drawn = 0;

  hand(numbers: readonly number[]): void {
    this.#numbers = numbers;
    this.drawn = 0;
  }
  next(): number {
    return this.#numbers[this.drawn++] ?? 0;
  }
}

export class TestNode {
  readonly maps: CiliumMaps;
  readonly datapath: Datapath;
  readonly random = new HandedRandom();
  /** Signals of the current step. */
  signals: string[] = [];

  constructor(build: ProgramConfig, setup: Setup, events: DatapathEvents) {
    const entries = { maxEntries: setup.ctEntries ?? ROOMY_ENTRIES };
    const config = buildConfig(build);
    this.maps = new CiliumMaps(
      {
        ...DEFAULT_MAP_OPTIONS,
        maglevTableSize: config.loadBalancer.maglevTableSize,
        overrides: { ...ROOMY, ct4_global: entries, ct_any4_global: entries },
      },
      HOST,
    );
    this.datapath = new Datapath(this.maps, config, {
      events,
      random: () => this.random.next(),
      signal: (type) => this.signals.push(type === 0 ? "nat_fill_up" : "ct_fill_up"),
    });
    this.#addIdentities();
    this.#addPods(setup);
    for (const backend of setup.backends ?? []) this.setBackend(backend);
    for (const service of setup.services ?? []) this.setService(service, setup);
  }

  /** Writes or replaces a service; a service without ranges keeps those that the setup gives its index. */
  setService(service: ServiceSetup, setup: Setup): void {
    const ranges = (setup.sourceRanges ?? []).filter(({ revNat }) => revNat === service.revNat).flatMap(({ cidrs }) => cidrs);
    mustFit(
      writeService(this.maps, {
        address: [ipv4(service.vip)],
        port: service.port,
        protocol: PROTOCOLS[service.proto]!,
        revNatIndex: service.revNat,
        backendIds: service.backends,
        flags: service.flags ?? 0,
        flags2: service.flags2 ?? 0,
        affinitySeconds: service.affinitySeconds ?? 0,
        sourceRanges: ranges.map(parseCidr),
        ...(service.lut === undefined ? {} : { maglevTable: service.lut }),
      }),
    );
  }

  setBackend(backend: BackendSetup): void {
    const { id, addr, port, proto, state } = backend;
    mustFit(writeBackend(this.maps, { id, address: [ipv4(addr)], port, protocol: PROTOCOLS[proto]!, state: state ?? 0 }));
  }

  deleteBackend(id: number): void {
    mustFit(deleteBackend(this.maps, IPV4_WORDS, id));
  }

  /** A direction without rules allows everything; a list is exactly the rules. */
  setPolicy(pod: Pod, rules: PodPolicy): void {
    const policy = this.maps.policy(pod.lxcId);
    policy.clear();
    writeDirection(policy, POLICY_INGRESS, rules.ingress);
    writeDirection(policy, POLICY_EGRESS, rules.egress);
  }

  #addIdentities(): void {
    const { ipcache } = this.maps;
    mustFit(ipcache.insert([0], 0, { identity: WORLD_IDENTITY }));
    for (const address of [NODE_ADDRESS, ROUTER_ADDRESS]) mustFit(ipcache.insert([address], 32, { identity: HOST_IDENTITY }));
    mustFit(ipcache.insert([OTHER_NODE], 32, { identity: REMOTE_NODE_IDENTITY }));
    for (const { address, identity } of REMOTE_PODS) {
      mustFit(ipcache.insert([address], 32, { identity, tunnelEndpoint: OTHER_NODE }));
    }
  }

  #addPods(setup: Setup): void {
    const { ipcache, endpoints } = this.maps;
    const { node } = this.datapath.config;
    for (const address of [NODE_ADDRESS, ROUTER_ADDRESS]) {
      mustFit(endpoints.insert([address], { ifindex: node.hostIfindex, lxcId: 0, identity: HOST_IDENTITY, flags: ENDPOINT_F_HOST }));
    }
    for (const pod of PODS) {
      const { address, lxcId, identity, ifindex } = pod;
      mustFit(ipcache.insert([address], 32, { identity }));
      mustFit(endpoints.insert([address], { ifindex, lxcId, identity }));
      this.setPolicy(pod, setup.policy?.[pod.name as "A"] ?? {});
      const policy = this.maps.policy(lxcId);
      const enforced = { verdictIngress: true, verdictEgress: true };
      this.datapath.addEndpoint({ lxcId, ifindex, identity, address4: [address], address6: null, policy, ...enforced });
    }
    for (const { cidr, identity, tunnel } of setup.ipcache ?? []) {
      const { address, prefix } = parseCidr(cidr);
      mustFit(ipcache.insert(address, prefix, { identity, tunnelEndpoint: tunnel === undefined ? 0 : ipv4(tunnel) }));
    }
  }
}

function parseCidr(text: string): { address: readonly number[]; prefix: number } {
  const [address, prefix] = text.split("/") as [string, string];
  return { address: [ipv4(address)], prefix: Number(prefix) };
}

function writeDirection(policy: PolicyMap, direction: number, rules: readonly PolicyEntrySetup[] | undefined): void {
  if (rules === undefined) {
    policy.allowAll(direction);
    return;
  }
  for (const rule of rules) {
    mustFit(
      policy.insert({
        direction,
        identity: rule.identity ?? 0,
        protocol: rule.proto === undefined ? 0 : PROTOCOLS[rule.proto]!,
        ...(rule.port === undefined ? {} : { port: rule.port }),
        ...(rule.portPrefix === undefined ? {} : { portPrefix: rule.portPrefix }),
        deny: rule.deny ?? false,
        proxyPort: rule.proxyPort ?? 0,
        proxyPriority: rule.priority ?? 0,
        authType: Number(rule.auth ?? 0),
      }),
    );
  }
}

function mustFit(result: number): void {
  if (result < 0) throw new RangeError(`a map of the test node refuses an entry: ${result}`);
}
