import { describe, expect, it } from "vitest";
import { addEntry } from "../../../test/support/conntrack-maps.js";
import { CiliumMaps, DEFAULT_MAP_OPTIONS } from "../maps.js";
import { ipv4 } from "../maps/address.js";
import { settled } from "../profile/assumptions.js";
import { ciliumProfile } from "../profile/cilium.js";
import { kernelProfile } from "../profile/kernel.js";
import { ConntrackGc, NO_STEP } from "./conntrack-gc.js";
import { EndpointLifecycle } from "./endpoints.js";
import type { EndpointReady, LocalEndpoint } from "./endpoints.js";
import { conntrackGcConfig } from "./gc-config.js";
import { MEASURED_GC_COSTS } from "./gc-costs.js";
import { conntrackPairs } from "./gc-targets.js";
import { defaultSettings } from "./settings.js";

const S = 1e9;
const ADDRESS = ipv4("10.0.1.17");
const POD: LocalEndpoint = { addresses: [[ADDRESS]], ifindex: 12, lxcId: 7, identity: 20_114 };

function node(entries: number) {
  const small = { maxEntries: 4096 };
  const maps = new CiliumMaps(
    { ...DEFAULT_MAP_OPTIONS, overrides: { ct4_global: small, ct_any4_global: small, snat_v4_external: small, lxc: small } },
    { possibleCpus: 2, refill: "scaled" },
  );
  for (let i = 0; i < entries; i++) {
    addEntry(maps.ct4Global, { source: i % 2 === 0 ? ADDRESS : 5, destination: 9, sport: i, dport: 80, lifetime: 1e6 });
  }
  const profile = settled(ciliumProfile("1.17.1"));
  const place = { pairs: conntrackPairs(maps, true), cpu: 0, bootSeconds: 0, restored: [] };
  const config = conntrackGcConfig(profile, kernelProfile("6.12"), defaultSettings(profile), place);
  const ready: EndpointReady[] = [];
  const gc = new ConntrackGc(config, MEASURED_GC_COSTS, { onScrub: (record) => lifecycle.scrubbed(record) });
  const lifecycle: EndpointLifecycle = new EndpointLifecycle(maps, gc, (endpoint) => ready.push(endpoint));
  const run = (from: number, until: number): void => {
    for (let at = from; at !== NO_STEP && at <= until; ) at = gc.step(at);
  };
  run(gc.start(0), 5 * S);
  return { maps, lifecycle, ready, run };
}

describe("EndpointLifecycle", () => {
  it("makes a new endpoint reachable when its conntrack walk is done", () => {
    const { maps, lifecycle, ready, run } = node(3000);
    const before = maps.ct4Global.map.count;
    const stepAt = lifecycle.setUp(10 * S, POD);
    expect(maps.endpoints.map.count).toBe(0);
    expect(maps.ipcache.map.count).toBe(1);
    run(stepAt, 20 * S);
    expect(maps.endpoints.map.count).toBe(1);
    expect(ready).toMatchObject([{ lxcId: 7, requested: 10 * S }]);
    expect(ready[0]!.waited).toBeGreaterThan(before * MEASURED_GC_COSTS.keyWalkEntryNs);
    expect(maps.ct4Global.map.count).toBe(1500);
  });

  it("writes a restored one at once, and removes one with its connections", () => {
    const { maps, lifecycle, ready, run } = node(1000);
    lifecycle.restore(POD);
    expect(maps.endpoints.map.count).toBe(1);
    run(lifecycle.remove(10 * S, POD), 20 * S);
    expect([maps.endpoints.map.count, maps.ipcache.map.count]).toEqual([0, 0]);
    expect(maps.ct4Global.map.count).toBe(500);
    expect(ready).toEqual([]);
  });
});
