/** What holds for any traffic: nothing gets lost unsaid, entries as section 5 of the datapath reference counts them, limits. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NodeOptions } from "../../../test/support/datapath-node.js";
import { bounded, protocolOf, traffic, TRAFFIC_PAIRS, TrafficNode } from "../../../test/support/datapath-traffic.js";
import type { Step } from "../../../test/support/datapath-traffic.js";
import { LruHashMap } from "../../bpf/lru-hash-map.js";
import type { BpfMap } from "../../bpf/map.js";
import type { NatMap } from "../maps/nat-map.js";
import { TUPLE_F_IN, TUPLE_F_RELATED } from "../maps/tuple.js";
import { dropText } from "./drop-reasons.js";
import { SilentObserver } from "./observer.js";
import { IPPROTO_TCP } from "./packet.js";

const ROOMY = 4096;
const NARROW = 128;
/** Lowest port of the range that SNAT chooses from. */
const SNAT_PORTS_FROM = 32_768;

/** Keys of a table with their slots. */
function* entries(map: BpfMap): Iterable<readonly [Int32Array, number]> {
  const key = new Int32Array(4);
  for (let more = map.nextKey(null, 0, key, 0); more >= 0; more = map.nextKey(key, 0, key, 0)) {
    const copy = key.slice();
    yield [copy, map.peek(copy, 0)];
  }
}

const isReverse = (key: Int32Array): boolean => ((key[3]! >>> 8) & TUPLE_F_IN) !== 0;

/** The reverse key that belongs to a forward NAT entry: remote to translated source, in the other direction. */
function reverseKey(nat: NatMap, forward: Int32Array, slot: number): Int32Array {
  const key = Int32Array.of(nat.toAddr(slot), forward[0]!, 0, forward[3]! | (TUPLE_F_IN << 8));
  const port = nat.toPort(slot);
  const networkOrder = ((port & 0xff) << 8) | (port >>> 8);
  key[2] = networkOrder | (forward[2]! << 16);
  return key;
}

const text = (key: Int32Array): string => key.join(" ");
const keys = (map: BpfMap): string[] => [...entries(map)].map(([key]) => text(key));

describe("any traffic", () => {
  it("every packet is delivered, sent on, left to the stack or dropped for a known reason, and drops are announced", () => {
    const met = new Map<string, number>();
    fc.assert(
      fc.property(fc.constantFrom(ROOMY, NARROW), traffic(400, 32), (size, steps) => {
        const side = new TrafficNode(size);
        for (const step of steps) {
          const outcome = side.step(step);
          if (step.do !== "send" || outcome === "") continue;
          const [what] = outcome.split(" ");
          met.set(what!, (met.get(what!) ?? 0) + 1);
          const drop = /^drop (\d+)/.exec(outcome);
          const announced = side.node.events.lines.filter((line) => line.startsWith("drop "));
          expect(announced.map((line) => line.split(" ")[1])).toEqual(drop === null ? [] : [drop[1]]);
          if (drop === null) expect(outcome).toMatch(/^(deliver 10[12]|wire|stack) /);
          else expect(dropText(Number(drop[1]))).not.toMatch(/^\d*$/);
        }
      }),
      bounded(40),
    );
    expect([...met.keys()].sort()).toEqual(["deliver", "drop", "stack", "wire"]);
  });

  it("no map goes beyond its limit", () => {
    let evictions = 0;
    fc.assert(
      fc.property(traffic(600, 60), (steps) => {
        const side = new TrafficNode(NARROW);
        for (const step of steps) side.step(step);
        for (const [name, map] of side.node.maps.all()) {
          expect([name, map.count <= map.maxEntries]).toEqual([name, true]);
          if (map instanceof LruHashMap) evictions += map.evictions;
        }
      }),
      bounded(30),
    );
    expect(evictions).toBeGreaterThan(0);
  });

  it("a forward NAT entry lacks its reverse, or shares it, only after that was evicted or deleted", () => {
    let missing = 0;
    fc.assert(
      fc.property(fc.constantFrom(ROOMY, NARROW), traffic(500, 60), (size, steps) => {
        const side = new TrafficNode(size);
        const nat = side.node.maps.snatV4External;
        const lost = new Set<string>();
        side.node.datapath.observer = new Removals((map, key) => {
          if (map === nat.map) lost.add(text(key));
        });
        const key = new Int32Array(4);
        (nat.map as LruHashMap).onEvict = (slot) => {
          nat.map.copyKey(slot, key, 0);
          lost.add(text(key));
        };
        for (const step of steps) {
          const before = step.do === "delete" ? keys(nat.map) : [];
          side.step(step);
          const after = new Set(step.do === "delete" ? keys(nat.map) : []);
          for (const each of before) if (!after.has(each)) lost.add(each);
        }
        for (const [forward, slot] of entries(nat.map)) {
          if (isReverse(forward)) continue;
          const reverse = reverseKey(nat, forward, slot);
          const partner = nat.map.peek(reverse, 0);
          const own = partner >= 0 && nat.toAddr(partner) === forward[1] && nat.toPort(partner) === portOf(forward[2]! >>> 16);
          if (own) continue;
          if (partner < 0) missing++;
          expect(lost.has(text(reverse))).toBe(true);
        }
      }),
      bounded(60),
    );
    expect(missing).toBeGreaterThan(0);
  });

  it("no two connections to one remote have the same SNAT port", () => {
    let moved = 0;
    fc.assert(
      fc.property(traffic(500, 60), (steps) => {
        const side = new TrafficNode(ROOMY);
        for (const step of steps.filter((each) => each.do !== "delete")) side.step(step);
        const nat = side.node.maps.snatV4External;
        const taken = new Set<string>();
        for (const [forward, slot] of entries(nat.map)) {
          if (isReverse(forward)) continue;
          const mapping = text(reverseKey(nat, forward, slot));
          expect(taken.has(mapping)).toBe(false);
          taken.add(mapping);
          const sport = portOf(forward[2]! >>> 16);
          if (sport >= SNAT_PORTS_FROM && nat.toPort(slot) !== sport) moved++;
        }
      }),
      bounded(40),
    );
    expect(moved).toBeGreaterThan(0);
  });

  it.each<[string, NodeOptions]>([
    ["BPF masquerade, NodePort with SNAT", {}],
    ["no masquerade", { config: { bpfMasquerade4: false } }],
    ["NodePort with DSR", { loadBalancer: { mode: "dsr" } }],
  ])("each connection takes the entries of section 5, alone and among others (%s)", (_name, options) => {
    const connection = fc.record({ pair: fc.nat(TRAFFIC_PAIRS - 1), client: fc.nat(11) });
    const topology = fc.uniqueArray(connection, { maxLength: 60, selector: ({ pair, client }) => `${pair}/${client}` });
    const met = new Set<string>();
    fc.assert(
      fc.property(topology, (connections) => {
        const side = new TrafficNode(ROOMY, options);
        const expected = { tcp: 0, any: 0, nat: 0 };
        const related = new Set<string>();
        for (const each of connections) {
          const first = side.step(open(each)[0]!);
          const takes = section5(each, first, options);
          met.add(JSON.stringify(takes));
          if (protocolOf(each.client) === IPPROTO_TCP) expected.tcp += takes.ct;
          else expected.any += takes.ct;
          expected.nat += takes.nat;
          for (const pair of takes.related) related.add(pair);
          if (!leavesForGood(each, first, options)) for (const step of open(each).slice(1)) side.step(step);
        }
        expect(count(side)).toEqual({ ...expected, related: related.size });
      }),
      bounded(30),
    );
    expect(met.size).toBeGreaterThan(6);
  });
});

/** Sees what programs delete. */
class Removals extends SilentObserver {
  readonly #tell: (map: BpfMap, key: Int32Array) => void;
  constructor(tell: (map: BpfMap, key: Int32Array) => void) {
    super();
    this.#tell = tell;
  }
  override remove(_op: number, map: BpfMap, key: Int32Array, result: number): void {
    if (result === 0) this.#tell(map, key);
  }
}

interface Connection {
  readonly pair: number;
  readonly client: number;
}

/** Handshake, request, answer. */
function open({ pair, client }: Connection): Step[] {
  const send = (flags: number, answer: boolean): Step => ({ do: "send", pair, client, flags, answer });
  return [send(0x02, false), send(0x12, true), send(0x10, false), send(0x10, true)];
}

/** Whether the backend's answers pass by this node: it sent the request on with a DSR option. */
function leavesForGood({ pair }: Connection, outcome: string, { loadBalancer }: NodeOptions): boolean {
  return pair === NODEPORT_PAIR && loadBalancer?.mode === "dsr" && outcome.startsWith("wire");
}

/** Entries of a connection: conntrack, NAT, and RELATED ones by direction and pair of addresses. */
interface Entries {
  readonly ct: number;
  readonly nat: number;
  readonly related: readonly string[];
}

/** Pair of `datapath-traffic.ts` whose clients call the NodePort. */
const NODEPORT_PAIR = 7;

/** Section 5 of the datapath reference; the backend that was drawn shows in what became of the first packet. */
function section5({ pair, client }: Connection, outcome: string, { config, loadBalancer }: NodeOptions): Entries {
  const local = outcome.startsWith("deliver");
  const tcp = protocolOf(client) === IPPROTO_TCP;
  const masqueraded = config?.bpfMasquerade4 === false ? 0 : 2;
  switch (pair) {
    case 0: // pod to pod, same node
      return { ct: 2, nat: 0, related: ["out a b", "in a b"] };
    case 1: // pod to pod, other node: this is the source
      return { ct: 1, nat: 0, related: ["out a remote"] };
    case 2:
      return { ct: 1, nat: masqueraded, related: ["out a world"] };
    case 3:
      return { ct: 1, nat: masqueraded, related: ["out b world"] };
    case 4: // pod to ClusterIP, translated for each packet; a service of TCP
      if (!tcp) return { ct: 1, nat: masqueraded, related: ["out a vip"] };
      return local ? { ct: 3, nat: 0, related: ["out a b", "in a b"] } : { ct: 2, nat: 0, related: ["out a remote"] };
    case 5: // the same; the local backend is the client itself
      if (!tcp) return { ct: 1, nat: masqueraded, related: ["out b vip"] };
      return local ? { ct: 3, nat: 0, related: ["out loopback b", "in loopback b"] } : { ct: 2, nat: 0, related: ["out b remote"] };
    case 6: // pod to pod, other node: this is the destination
      return { ct: 1, nat: 0, related: ["in remote b"] };
    case NODEPORT_PAIR:
      if (!tcp) return { ct: 0, nat: 0, related: [] };
      if (local) return { ct: 3, nat: 0, related: ["in world b"] };
      return loadBalancer?.mode === "dsr" ? { ct: 1, nat: 0, related: [] } : { ct: 2, nat: 2, related: [] };
    case 8: // process of the node, port in SNAT's range
      return { ct: 1, nat: 2, related: [] };
    case 9: // the world to a pod
      return { ct: 1, nat: 0, related: ["in world a"] };
    case 10: // pod to an address that nobody has
      return { ct: 1, nat: 0, related: ["out a nobody"] };
    default: // denied at the server (TCP): the client's half is there
      return tcp ? { ct: 1, nat: 0, related: ["out a b"] } : { ct: 2, nat: 0, related: ["out a b", "in a b"] };
  }
}

/** Entries that the node has. */
function count({ node: { maps } }: TrafficNode): Readonly<Record<string, number>> {
  let related = 0;
  for (const [key] of entries(maps.ctAny4Global.map)) if (((key[3]! >>> 8) & TUPLE_F_RELATED) !== 0) related++;
  return { tcp: maps.ct4Global.map.count, any: maps.ctAny4Global.map.count - related, nat: maps.snatV4External.map.count, related };
}

function portOf(networkOrder: number): number {
  return ((networkOrder & 0xff) << 8) | (networkOrder >>> 8);
}
