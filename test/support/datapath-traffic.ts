/**
 * Random traffic of a node for properties of the datapath: scripts of steps, arbitrary but such that connections find
 * their entries again, and what they did.
 */

import fc from "fast-check";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../src/cilium/datapath/packet.js";
import { POLICY_INGRESS } from "../../src/cilium/maps/policy-map.js";
import type { NodeOptions, PacketSpec } from "./datapath-node.js";
import { DatapathNode, NODE, OTHER_NODE } from "./datapath-node.js";

const A = "10.1.0.11";
const B = "10.1.0.12";
const REMOTE_POD = "10.1.1.21";
const VIP = "10.96.0.10";
const WORLD = "198.51.100.7";
const NODEPORT = 30080;
/** The server pod's policy denies it. */
const DENIED_PORT = 9;
/** Clients of a pair: their ports lie side by side. */
const CLIENTS_MAX = 64;
/** NodePort and routable. */
const EXTERNAL_SERVICE = 66;

/** From here on clients of two pods have the same ports, in SNAT's range: what one takes the other can't have. */
const SNAT_PORT = 50_000;

interface Pair {
  readonly from: "a" | "b" | "remote" | "world" | "host";
  readonly dst: string;
  readonly dport: number;
  /** Port of the first client; by default a range of its own below SNAT's. */
  readonly firstPort?: number;
}

/** Who talks to whom: every kind of connection that a node with kube-proxy replacement has. */
const PAIRS: readonly Pair[] = [
  { from: "a", dst: B, dport: 8080 },
  { from: "a", dst: REMOTE_POD, dport: 8080 },
  { from: "a", dst: WORLD, dport: 443, firstPort: SNAT_PORT },
  { from: "b", dst: WORLD, dport: 443, firstPort: SNAT_PORT },
  { from: "a", dst: VIP, dport: 80 },
  { from: "b", dst: VIP, dport: 80 },
  { from: "remote", dst: B, dport: 8080 },
  { from: "world", dst: NODE, dport: NODEPORT },
  { from: "host", dst: WORLD, dport: 53, firstPort: 40000 },
  { from: "world", dst: A, dport: 8080 },
  { from: "a", dst: "10.1.0.99", dport: 8080 },
  { from: "a", dst: B, dport: DENIED_PORT },
];

/** Number of pairs: a connection is a pair and a client. */
export const TRAFFIC_PAIRS = PAIRS.length;
/** Every fourth client speaks UDP. */
const UDP_EVERY = 4;

/** Protocol of a client's connections. */
export function protocolOf(client: number): number {
  return client % UDP_EVERY === UDP_EVERY - 1 ? IPPROTO_UDP : IPPROTO_TCP;
}

export type Step =
  /** A packet of the client of connection `client` over `pair`, or its peer's answer to the last one that arrived. */
  | { readonly do: "send"; readonly pair: number; readonly client: number; readonly flags: number; readonly answer: boolean }
  | { readonly do: "wait"; readonly seconds: number }
  /** Somebody (GC, a resize) takes entries away. */
  | { readonly do: "delete"; readonly map: number; readonly nth: number };

/** More than any packet draws: 128 tries for a port. */
const DRAWS = 140;

const FLAGS = [0x02, 0x02, 0x10, 0x10, 0x10, 0x11, 0x12, 0x04];

/** Time for one property, shrinking included: looking for a shorter script of hundreds of packets has no end of its own. */
const TIME_LIMIT_MS = 10_000;

/** So many scripts, in bounded time. */
export function bounded(numRuns: number): fc.Parameters<unknown> {
  return { numRuns, interruptAfterTimeLimit: TIME_LIMIT_MS };
}

/** Scripts of up to `length` steps among `clients` connections for each pair. */
export function traffic(length: number, clients: number): fc.Arbitrary<Step[]> {
  const send = fc.record({
    do: fc.constant("send" as const),
    pair: fc.nat(PAIRS.length - 1),
    client: fc.nat(clients - 1),
    flags: fc.constantFrom(...FLAGS),
    answer: fc.boolean(),
  });
  const wait = fc.record({ do: fc.constant("wait" as const), seconds: fc.integer({ min: 1, max: 200 }) });
  const remove = fc.record({ do: fc.constant("delete" as const), map: fc.nat(2), nth: fc.nat(50) });
  const step: fc.Arbitrary<Step> = fc.oneof({ weight: 40, arbitrary: send }, { weight: 3, arbitrary: wait }, { weight: 2, arbitrary: remove });
  return fc.array(step, { minLength: length / 2, maxLength: length, size: "max" });
}

/** Headers of a packet that reached somebody, who may answer. */
interface Delivered extends PacketSpec {
  readonly to: "pod" | "network";
  readonly pod: number;
}

export class TrafficNode {
  readonly node: DatapathNode;
  readonly #last = new Map<string, Delivered>();
  /** Packets of each connection so far. */
  readonly #sent = new Map<string, number>();

  constructor(maxEntries: number, options: NodeOptions = {}) {
    const small = { maxEntries };
    const overrides = { ct4_global: small, ct_any4_global: small, snat_v4_external: small, nodeport_neigh4: small };
    const node = new DatapathNode({ ...options, maps: { ipv6: false, overrides } });
    node.pod(101, 1001, A);
    node.pod(102, 1002, B);
    node.maps.policy(102).insert({ direction: POLICY_INGRESS, identity: 1001, protocol: IPPROTO_TCP, port: DENIED_PORT, deny: true });
    node.identity(REMOTE_POD, 2001, 32, OTHER_NODE);
    node.backend(10, B, 8080);
    node.backend(11, REMOTE_POD, 8080);
    node.service(VIP, 80, 7, [10, 11]);
    node.service(NODE, NODEPORT, 8, [11, 10], { flags: EXTERNAL_SERVICE });
    this.node = node;
  }

  /** Does a step; what became of the packet in words, "" when there was none. */
  step(step: Step): string {
    const { node } = this;
    switch (step.do) {
      case "wait":
        node.datapath.now += step.seconds;
        return "";
      case "delete": {
        const { maps } = node;
        const { map } = [maps.ct4Global, maps.ctAny4Global, maps.snatV4External][step.map]!;
        const key = this.#nthKey(map, step.nth);
        return key === null ? "" : `deleted ${map.remove(key, 0, 0)}`;
      }
      case "send": {
        const name = `${step.pair}/${step.client}`;
        this.#seed(name);
        const outcome = step.answer ? this.#answer(name, step) : this.#request(name, step);
        if (outcome !== "") this.#note(name, outcome);
        return outcome;
      }
    }
  }

  #nthKey(map: { nextKey(key: Int32Array | null, at: number, out: Int32Array, outAt: number): number }, nth: number): Int32Array | null {
    const key = new Int32Array(4);
    if (map.nextKey(null, 0, key, 0) < 0) return null;
    for (let i = 0; i < nth && map.nextKey(key, 0, key, 0) >= 0; i++);
    return key;
  }

  #request(name: string, { pair, client, flags }: Step & { do: "send" }): string {
    const { from, dst, dport, firstPort = 1000 + pair * CLIENTS_MAX } = PAIRS[pair]!;
    const protocol = protocolOf(client);
    const common = { dst, dport, protocol, flags: protocol === IPPROTO_TCP ? flags : 0, flow: this.#flow(name, 0) };
    const { node } = this;
    const sport = firstPort + client;
    switch (from) {
      case "a":
        return node.fromPod(101, { ...common, src: A, sport });
      case "b":
        return node.fromPod(102, { ...common, src: B, sport });
      case "host":
        return node.fromHost({ ...common, src: NODE, sport });
      case "remote":
        return node.fromNetwork({ ...common, src: REMOTE_POD, sport });
      case "world":
        return node.fromNetwork({ ...common, src: WORLD, sport });
    }
  }

  /** The peer that the connection's last packet reached sends one back. */
  #answer(name: string, { flags }: Step & { do: "send" }): string {
    const last = this.#last.get(name);
    if (last === undefined) return "";
    const back = { ...last, src: last.dst, dst: last.src, sport: last.dport!, dport: last.sport!, flow: this.#flow(name, 1) };
    const spec = { ...back, flags: last.protocol === IPPROTO_TCP ? flags | 0x10 : 0 };
    return last.to === "pod" ? this.node.fromPod(last.pod, spec) : this.node.fromNetwork(spec);
  }

  #note(name: string, outcome: string): void {
    const match = /^(wire|deliver (\d+)) ([\d.]+):(\d+)>([\d.]+):(\d+)$/.exec(outcome);
    const { packet } = this.node;
    if (match === null || packet.protocol === 1) return;
    const [, , pod, src, sport, dst, dport] = match;
    this.#last.set(name, {
      to: pod === undefined ? "network" : "pod",
      pod: Number(pod ?? 0),
      src: src!,
      dst: dst!,
      sport: Number(sport),
      dport: Number(dport),
      protocol: packet.protocol,
    });
  }

  /** A number for handles: not unique, as flows' numbers are used again. */
  #flow(name: string, direction: 0 | 1): number {
    let hash = direction;
    for (const letter of name) hash = (hash * 31 + letter.charCodeAt(0)) % 61;
    return 1 + hash;
  }

  /** Draws for one packet of a connection: its own, whatever others drew before. */
  #seed(name: string): void {
    let draw = 1 + (this.#sent.get(name) ?? 0);
    this.#sent.set(name, draw);
    for (const letter of name) draw = Math.imul(draw, 31) + letter.charCodeAt(0);
    this.node.random = Array.from({ length: DRAWS }, () => {
      draw ^= draw << 13;
      draw ^= draw >>> 17;
      draw ^= draw << 5;
      return draw;
    });
  }
}

/** Largest number that `packet.flow` of this traffic has. */
export const TRAFFIC_FLOWS = 61;
