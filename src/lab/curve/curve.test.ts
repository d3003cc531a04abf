/** Curves from one run beside runs with maps of those sizes. */
import { describe, expect, it } from "vitest";
import { loadScenarioText } from "../../scenario/load.js";
import { SourceText } from "../../scenario/source.js";
import type { Scenario } from "../../scenario/types.js";
import { simulateVariant } from "../simulate.js";
import { estimate, smallest } from "./evaluate.js";
import type { MapCurve } from "./result.js";

const SCENARIO = `apiVersion: ctlab/v1
name: curve
profile: { cilium: "1.16.3", kernel: "6.6" }
cluster: { nodes: 3, pods: 40, cpus: 4, memory: 16Gi }
helm: { set: { kubeProxyReplacement: true, conntrackGCInterval: 20s, routingMode: native, ipv4NativeRoutingCIDR: 10.244.0.0/16 } }
services:
  - { name: shop/stock, port: 80, backends: 3 }
workloads:
  - name: short
    from: { workload: shop/api, pods: 4 }
    to: shop/stock
    arrivals: { poisson: 150/s }
    connection: { hold: { exponential: 8s } }
  - name: chatty
    from: { workload: shop/api, pods: 4 }
    to: shop/stock
    arrivals: { poisson: 20/s }
    connection: { requests: 4, thinkTime: { exponential: 20s } }
duration: 60s
observe: { flows: none }
`;
const SIZES = [1024, 1536, 2048, 3072, 4096] as const;

function load(...set: readonly string[]): Scenario {
  return loadScenarioText(new SourceText("curve.yaml", SCENARIO), () => ({ ok: false, message: "no such file" }), { set }).base;
}

function curveOf(scenario: Scenario, sample: number, ladder: readonly number[] = SIZES): MapCurve {
  const { curves } = simulateVariant(scenario, { run: 0, streamFolder: null, curves: { room: 1 << 16, ladders: { ct4_global: ladder }, sample } });
  return curves.find(({ name }) => name === "ct4_global")!;
}

interface Measured {
  readonly evictions: number;
  readonly insertsRefused: number;
}

function measured(...set: readonly string[]): Measured {
  const { variant } = simulateVariant(load(...set), { run: 0, streamFolder: null });
  return variant.maps.find(({ name }) => name === "ct4_global")!;
}

describe("a curve from one run", () => {
  const exact = SIZES.map((size) => measured(`maps.ct4_global.maxEntries=${size}`));

  it("has the evictions of runs with five sizes", () => {
    const curve = curveOf(load(), 1 << 20);
    expect(curve).toMatchObject({ type: "lru_hash", share: 1, overflows: 0 });
    expect(curve.peak).toBeGreaterThan(SIZES.at(-1)!);
    for (const [i, { evictions }] of exact.entries()) {
      expect(evictions).toBeGreaterThan(300);
      const { value, low, high } = estimate(curve, SIZES[i]!, "evictions");
      expect([low, high]).toEqual([value, value]);
      expect(Math.abs(value / evictions - 1), `${SIZES[i]} entries: ${value} beside ${evictions}`).toBeLessThan(0.04);
    }
  });

  it("has them within its bounds when it follows a quarter of the elements", () => {
    const curve = curveOf(load("maps.ct4_global.maxEntries=16384"), 1 << 12);
    expect(curve.share).toBe(0.25);
    for (const [i, { evictions }] of exact.entries()) {
      const { low, high } = estimate(curve, SIZES[i]!, "evictions");
      expect(evictions, `${SIZES[i]} entries`).toBeGreaterThan(low * 0.96);
      expect(evictions, `${SIZES[i]} entries`).toBeLessThan(high * 1.04);
    }
  });

  it("has the refusals of runs with sizes that are 4 % larger or smaller, where few are refused", () => {
    const sizes = [3800, 3900, 4000];
    const ladder = sizes.flatMap((size) => [0.96 * size, size, 1.04 * size].map(Math.round));
    const curve = curveOf(load("maps.ct4_global.type=hash", "maps.ct4_global.maxEntries=16384"), 1 << 20, ladder);
    expect(curve).toMatchObject({ type: "hash", overflows: 0 });
    const at = (size: number): number => estimate(curve, Math.round(size), "refused").value;
    for (const size of sizes) {
      const { insertsRefused } = measured("maps.ct4_global.type=hash", `maps.ct4_global.maxEntries=${size}`);
      expect(insertsRefused).toBeGreaterThan(0);
      expect(insertsRefused, `${size} entries`).toBeGreaterThan(at(1.04 * size) - 50);
      expect(insertsRefused, `${size} entries`).toBeLessThan(at(0.96 * size));
    }
  });
});

describe("the smallest size", () => {
  const curve: MapCurve = {
    name: "ct4_global",
    type: "lru_hash",
    maxEntries: 400,
    share: 1,
    made: 1000,
    peak: 500,
    overflows: 0,
    points: [
      { maxEntries: 100, refused: 0, evictions: 900, evictionsLive: 800, missed: 0 },
      { maxEntries: 200, refused: 0, evictions: 500, evictionsLive: 300, missed: 0 },
      { maxEntries: 400, refused: 0, evictions: 100, evictionsLive: 0, missed: 0 },
      { maxEntries: 800, refused: 0, evictions: 0, evictionsLive: 0, missed: 0 },
    ],
  };

  it.each([
    [0, "evictions", 500],
    [50, "evictions", 450],
    [300, "evictions", 300],
    [1000, "evictions", 100],
    [0, "evictionsLive", 400],
    [150, "evictionsLive", 300],
  ] as const)("for at most %i %s is %i", (allowed, question, size) => {
    expect(smallest(curve, allowed, question)).toBe(size);
    expect(estimate(curve, size, question).value).toBeLessThanOrEqual(allowed);
  });

  it("and a size between those followed is bounded by them", () => {
    expect(estimate(curve, 300, "evictions")).toEqual({ value: 300, low: 100, high: 500 });
    expect(estimate(curve, 600, "evictions")).toEqual({ value: 0, low: 0, high: 0 });
  });
});
