/** Repeated walks against real ones, packet by packet over random traffic on maps so small that they evict. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { NodeOptions } from "../../../test/support/datapath-node.js";
import { bounded, traffic, TRAFFIC_FLOWS, TrafficNode } from "../../../test/support/datapath-traffic.js";
import { LruHashMap } from "../../bpf/lru-hash-map.js";
import { REFERENCED } from "../../bpf/lru-list.js";
import { DEFAULT_NAT } from "./config.js";
import { ReadAhead } from "./read-ahead.js";
import { HOOK_FROM_CONTAINER, HOOK_FROM_NETDEV, HOOK_TO_CONTAINER, HOOK_TO_NETDEV, HOOK_XDP, RepeatedWalks } from "./repeated-walks.js";

const MAX_ENTRIES = 64;
const ALL_HOOKS = [HOOK_FROM_CONTAINER, HOOK_TO_CONTAINER, HOOK_FROM_NETDEV, HOOK_TO_NETDEV, HOOK_XDP];

/** Opens what a table keeps to itself. */
class Opened extends LruHashMap {
  static states(map: LruHashMap): Uint8Array {
    return (map as Opened).state;
  }
}

/** Every LRU table of the node as it lies in memory: rows, lists and reference bits, evictions. */
function contents({ node }: TrafficNode): Map<string, unknown> {
  const tables = new Map<string, unknown>();
  for (const [name, map] of node.maps.all()) {
    if (!(map instanceof LruHashMap) || map.count === 0) continue;
    tables.set(name, { count: map.count, evictions: map.evictions, rows: Buffer.from(map.rows.buffer), states: Buffer.from(Opened.states(map)) });
  }
  return tables;
}

function referenced({ node }: TrafficNode): number {
  return Opened.states(node.maps.ct4Global.map as LruHashMap).filter((state) => state >= REFERENCED).length;
}

/** What a node of repeated walks shows of one step beside its result: everything that a caller of the datapath can read. */
function aftermath({ node }: TrafficNode): unknown[] {
  const { datapath } = node;
  const { metrics, deliveredTo, redirectIfindex, dropReason, extError } = datapath;
  const counts: number[][] = [];
  metrics.forEach((...count) => counts.push(count));
  return [node.operations, node.events.lines, [...node.packet.row], counts, deliveredTo, redirectIfindex, dropReason, extError, datapath.takeCost()];
}

function withWalks(side: TrafficNode): RepeatedWalks {
  const { datapath } = side.node;
  const walks = new RepeatedWalks(datapath, TRAFFIC_FLOWS, ALL_HOOKS);
  datapath.walks = walks;
  return walks;
}

/** Scripts in which most packets are data of a few connections. */
const talkative = traffic(900, 40).map((steps) =>
  steps.map((step, i) => (step.do === "send" && i % 4 !== 0 ? { ...step, client: step.client % 3, flags: 0x10 } : step)),
);

describe("repeated walks", () => {
  const modes: [string, NodeOptions][] = [
    ["TC", {}],
    ["TC, every packet an event", { config: { aggregation: 0 } }],
    ["XDP", { loadBalancer: { xdp: true } }],
    ["DSR", { loadBalancer: { mode: "dsr" } }],
    ["v1.16's NAT", { loadBalancer: { xdp: true }, config: { nat: { ...DEFAULT_NAT, restoreReverseOnForward: false } } }],
  ];
  it.each(modes)("change no verdict, header, event, operation, cost, metric, entry, reference bit or eviction (%s)", (_name, options) => {
    let evictions = 0;
    let bits = 0;
    let repeats = 0;
    fc.assert(
      fc.property(talkative, (steps) => {
        const plain = new TrafficNode(MAX_ENTRIES, options);
        const held = new TrafficNode(MAX_ENTRIES, options);
        for (const side of [plain, held]) side.node.datapath.opCosts.forEach((_, op, costs) => (costs[op] = 3 ** (op % 12)));
        const walks = withWalks(held);
        for (const [i, step] of steps.entries()) {
          const results = [plain, held].map((side) => [i, side.step(step), aftermath(side)]);
          expect(results[1]).toEqual(results[0]);
          if (i % 50 === 0) walks.foresee(Int32Array.from({ length: TRAFFIC_FLOWS }, (_, flow) => 1 + flow), TRAFFIC_FLOWS);
        }
        expect(contents(held)).toEqual(contents(plain));
        evictions += (plain.node.maps.ct4Global.map as LruHashMap).evictions;
        bits += referenced(plain);
        repeats += walks.repeats;
      }),
      bounded(8),
    );
    expect(evictions).toBeGreaterThan(0);
    expect(bits).toBeGreaterThan(0);
    if (options.config?.aggregation === undefined) expect(repeats).toBeGreaterThan(100);
  });

  it("run no program for what repeats", () => {
    const side = new TrafficNode(MAX_ENTRIES);
    const { node } = side;
    const walks = withWalks(side);
    const packet = { src: "10.1.0.11", dst: "10.1.0.12", sport: 1, dport: 8080, flow: 1 };
    node.fromPod(101, { ...packet, flags: 0x02 });
    const repeated = [0x10, 0x10, 0x10, 0x11].map((flags) => {
      const before = walks.repeats;
      node.fromPod(101, { ...packet, flags });
      return walks.repeats - before;
    });
    // The first one is reported.
    expect(repeated).toEqual([0, 0, 1, 0]);
  });

  it("walk anew when a report is due, after `forget`, and in a map that was made anew", () => {
    const side = new TrafficNode(MAX_ENTRIES);
    const { node } = side;
    const walks = withWalks(side);
    const packet = { src: "10.1.0.11", dst: "10.1.0.12", sport: 1, dport: 8080, flow: 1 };
    const repeats = (): boolean => {
      const before = walks.repeats;
      node.fromPod(101, { ...packet, flags: 0x10 });
      return walks.repeats > before;
    };
    node.fromPod(101, { ...packet, flags: 0x02 });
    expect([repeats(), repeats(), repeats()]).toEqual([false, false, true]);
    node.datapath.now += 6;
    expect([repeats(), repeats(), repeats()]).toEqual([false, false, true]);
    walks.forget();
    expect([repeats(), repeats()]).toEqual([false, true]);
    node.maps.recreate("ct4_global", 2 * MAX_ENTRIES);
    expect([repeats(), node.maps.ct4Global.map.count]).toEqual([false, 2]);
  });
});

it("reading ahead changes nothing and survives a map that was made smaller", () => {
  const plain = new TrafficNode(MAX_ENTRIES);
  const ahead = new TrafficNode(MAX_ENTRIES);
  const readAhead = new ReadAhead(TRAFFIC_FLOWS);
  ahead.node.datapath.readAhead = readAhead;
  const [steps] = fc.sample(traffic(600, 24), { numRuns: 1, seed: 1 });
  const everyFlow = Int32Array.from({ length: TRAFFIC_FLOWS }, (_, flow) => 1 + flow);
  for (const step of steps!) {
    readAhead.foresee(everyFlow, TRAFFIC_FLOWS);
    expect(ahead.step(step)).toEqual(plain.step(step));
  }
  expect(contents(ahead)).toEqual(contents(plain));
  ahead.node.maps.recreate("ct4_global", 8);
  readAhead.foresee(everyFlow, TRAFFIC_FLOWS);
});
