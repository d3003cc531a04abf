/** Handles against lookups that hash, packet by packet over random traffic on maps so small that they evict. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bounded, traffic, TRAFFIC_FLOWS, TrafficNode } from "../../../test/support/datapath-traffic.js";
import type { NodeOptions } from "../../../test/support/datapath-node.js";
import { LruHashMap } from "../../bpf/lru-hash-map.js";
import { REFERENCED } from "../../bpf/lru-list.js";
import { FlowHandles } from "./handles.js";

const MAX_ENTRIES = 128;

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

describe("flow handles", () => {
  const modes: [string, NodeOptions][] = [
    ["TC", {}],
    ["XDP", { loadBalancer: { xdp: true } }],
    ["DSR", { loadBalancer: { mode: "dsr" } }],
  ];
  it.each(modes)("change no verdict, header, event, operation, entry, reference bit or eviction (%s)", (_name, options) => {
    let evictions = 0;
    let bits = 0;
    fc.assert(
      fc.property(traffic(600, 24), (steps) => {
        const plain = new TrafficNode(MAX_ENTRIES, options);
        const held = new TrafficNode(MAX_ENTRIES, options);
        held.node.datapath.handles = new FlowHandles(TRAFFIC_FLOWS);
        for (const [i, step] of steps.entries()) {
          const results = [plain, held].map((side) => [i, side.step(step), side.node.operations, side.node.events.lines]);
          expect(results[1]).toEqual(results[0]);
        }
        expect(contents(held)).toEqual(contents(plain));
        evictions += (plain.node.maps.ct4Global.map as LruHashMap).evictions;
        bits += referenced(plain);
      }),
      bounded(12),
    );
    expect(evictions).toBeGreaterThan(0);
    expect(bits).toBeGreaterThan(0);
  });

  it("find what they remember without hashing", () => {
    const { node } = new TrafficNode(MAX_ENTRIES);
    node.datapath.handles = new FlowHandles(TRAFFIC_FLOWS);
    const packet = { src: "10.1.0.11", dst: "10.1.0.12", sport: 1, dport: 8080, flags: 0x10, flow: 1 };
    node.fromPod(101, packet);
    node.fromPod(101, packet);
    const { map } = node.maps.ct4Global;
    let hashed = 0;
    const { lookup } = LruHashMap.prototype;
    (map as LruHashMap).lookup = function counted(this: LruHashMap, key, at) {
      hashed++;
      return lookup.call(this, key, at);
    };
    node.fromPod(101, packet);
    // The two lookups in the reverse direction find nothing, so there is nothing to remember.
    expect([node.operations["ct.lookup"], hashed]).toEqual([4, 2]);
  });

  it("look anew in a map that was made anew under them", () => {
    const { node } = new TrafficNode(MAX_ENTRIES);
    node.datapath.handles = new FlowHandles(TRAFFIC_FLOWS);
    const packet = { src: "10.1.0.11", dst: "10.1.0.12", sport: 1, dport: 8080, flow: 1 };
    node.fromPod(101, packet);
    node.maps.recreate("ct4_global", 2 * MAX_ENTRIES);
    node.fromPod(101, { ...packet, flags: 0x10 });
    // Two entries, and the RELATED one beside each, which the other map still has.
    expect([node.operations["ct.update"], node.maps.ct4Global.map.count]).toEqual([4, 2]);
  });
});
