/** Contents of maps and calls of workloads, against walks and counters that know the whole truth. */
import { describe, expect, it } from "vitest";
import { nodeWorld } from "../../test/support/node-world.js";
import { tableOf } from "../cilium/maps/table.js";
import { NS_PER_S } from "../core/units.js";
import { callsOf } from "./calls.js";
import { MapContentsRecorder } from "./map-contents.js";

const world = nodeWorld(`
services: [{ name: shop/api, port: 80, backends: 4 }]
preload:
  - { map: ct4_global, entries: 20000, kind: established }
  - { map: ct_any4_global, entries: 300, kind: udp, expires: { from: 0s, to: 4s } }
workloads:
  - { name: web, from: { workload: shop/web, pods: 2 }, to: shop/api, arrivals: { poisson: 200/s } }
  - { name: out, from: { workload: shop/web, pods: 2 }, to: "world 203.0.113.9:443", arrivals: { poisson: 100/s } }
`);
const contents = new MapContentsRecorder(world.node);
world.simulation.run(5 * NS_PER_S);
contents.look(world.simulation.now);
const results = contents.results();
const found = (map: string, by: string): (typeof results)[number] => results.find((each) => each.map === map && each.by === by)!;
const last = (map: string, by: string): Record<string, number> =>
  Object.fromEntries(found(map, by).classes.map(({ name, entries }) => [name, entries.at(-1)!]));
const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((a, b) => a + b, 0);

describe("contents of maps", () => {
  it("add up to each map's entries, by state and by direction", () => {
    for (const { map, by } of results) expect([map, by, sum(last(map, by))]).toEqual([map, by, world.node.maps.get(map as "ct4_global")!.count]);
    expect(results.map(({ map, by }) => `${map} ${by}`)).toEqual([
      "ct4_global state", "ct4_global direction", "ct_any4_global state", "ct_any4_global direction", "snat_v4_external direction",
    ]);
  });

  it("are exact for small maps: NAT mappings come in pairs, old UDP flows are past their lifetime", () => {
    expect(found("snat_v4_external", "direction").sampled).toBeNull();
    const { OUT, IN } = last("snat_v4_external", "direction");
    expect(OUT).toBeGreaterThan(300);
    expect(OUT).toBe(IN);
    expect(last("ct_any4_global", "state")["expired"]).toBe(300);
  });

  it("of a large map come from a sample, as near to a walk over all of it as the sample allows", () => {
    const { sampled } = found("ct4_global", "direction");
    expect(sampled).toBeGreaterThan(3000);
    expect(sampled).toBeLessThan(7000);
    const table = tableOf(world.node.maps.ct4Global.map);
    let closing = 0;
    for (let slot = table.nextSlot(null, 0); slot !== 0; slot = table.nextSlot(table.rows, slot * table.stride)) {
      if ((world.node.maps.ct4Global.flags(slot) & 3) === 3) closing++;
    }
    expect(closing).toBeGreaterThan(400);
    // Four standard errors of a share of 4000 entries.
    const shares = [closing / table.count, last("ct4_global", "state")["closing"]! / table.count] as const;
    expect(Math.abs(shares[0] - shares[1])).toBeLessThan(4 * Math.sqrt((shares[0] * (1 - shares[0])) / 4000));
  });
});

describe("calls", () => {
  it("name both ends and add up to what the run counted", () => {
    const { spanNs, edges } = callsOf(world.scenario, world.recorder, world.simulation.now);
    expect(spanNs).toBe(5 * NS_PER_S);
    expect(edges.map(({ workload, from, to, kind }) => [workload, from, to, kind])).toEqual([
      ["web", "shop/web", "shop/api:80", "connections"],
      ["out", "shop/web", "world 203.0.113.9:443", "connections"],
    ]);
    const { counts, drops } = world.recorder;
    const total = (of: (edge: (typeof edges)[number]) => number): number => edges.reduce((all, edge) => all + of(edge), 0);
    expect(total(({ opened }) => opened)).toBe(counts.connectionsOpened);
    expect(total(({ succeeded }) => succeeded)).toBe(counts.connectionsEstablished);
    expect(total(({ failed }) => failed)).toBe(counts.connectionsFailed);
    expect(total(({ dropped }) => dropped)).toBe(drops.total);
    expect(edges[0]!.opened).toBeGreaterThan(edges[1]!.opened * 1.5);
  });
});
