/** The exposition: what stands in it, in which order, with which stamps. */
import { describe, expect, it } from "vitest";
import { labelText, type MetricFamily, MetricStore, SERIES_MAX } from "../observe/metrics/metric-store.js";
import { openMetrics } from "./open-metrics.js";

const DROPS: MetricFamily = { name: "cilium_drop_count", type: "counter", help: 'say "why"\nand where \\' };
const PRESSURE: MetricFamily = { name: "cilium_bpf_map_pressure", type: "gauge", help: "Fill" };
const DURATION: MetricFamily = { name: "gc_seconds", type: "histogram", help: "Time" };
const EPOCH = 1_700_000_000;

const textOf = (store: MetricStore): string => [...openMetrics(store, EPOCH)].join("");

describe("OpenMetrics text", () => {
  it("has families by name, series by first appearance, moments in order, and an end", () => {
    const store = new MetricStore();
    store.begin(0);
    store.set(PRESSURE, labelText([["map_name", "ct4_global"]]), 0.5);
    store.set(DROPS, labelText([["reason", 'a "b"\n\\c']]), 1);
    store.begin(15.25e9);
    store.set(DROPS, labelText([["reason", 'a "b"\n\\c']]), 3);
    store.begin(30.5e9);
    store.set(PRESSURE, labelText([["map_name", "ct4_global"]]), 0.75);
    store.set(PRESSURE, labelText([["map_name", "nat"]]), 1e-7);
    expect(textOf(store)).toBe(
      "# HELP cilium_bpf_map_pressure Fill\n# TYPE cilium_bpf_map_pressure gauge\n" +
        'cilium_bpf_map_pressure{map_name="ct4_global"} 0.5 1700000000\n' +
        'cilium_bpf_map_pressure{map_name="ct4_global"} 0.75 1700000030.500\n' +
        'cilium_bpf_map_pressure{map_name="nat"} 1e-7 1700000030.500\n' +
        '# HELP cilium_drop_count say \\"why\\"\\nand where \\\\\n# TYPE cilium_drop_count counter\n' +
        'cilium_drop_count_total{reason="a \\"b\\"\\n\\\\c"} 1 1700000000\n' +
        'cilium_drop_count_total{reason="a \\"b\\"\\n\\\\c"} 3 1700000015.250\n' +
        "# EOF\n",
    );
  });

  it("keeps all lines of a histogram's moment together, cumulative, with +Inf", () => {
    const store = new MetricStore();
    store.begin(0);
    store.setHistogram(DURATION, "", [0.5, 1], [2, 0, 3], 7.5);
    store.begin(1e9);
    store.setHistogram(DURATION, "", [0.5, 1], [2, 1, 3], 8.25);
    expect(textOf(store).split("\n").slice(2, 12)).toEqual([
      'gc_seconds_bucket{le="0.5"} 2 1700000000',
      'gc_seconds_bucket{le="1.0"} 2 1700000000',
      'gc_seconds_bucket{le="+Inf"} 5 1700000000',
      "gc_seconds_count 5 1700000000",
      "gc_seconds_sum 7.5 1700000000",
      'gc_seconds_bucket{le="0.5"} 2 1700000001',
      'gc_seconds_bucket{le="1.0"} 3 1700000001',
      'gc_seconds_bucket{le="+Inf"} 6 1700000001',
      "gc_seconds_count 6 1700000001",
      "gc_seconds_sum 8.25 1700000001",
    ]);
  });

  it("refuses a series twice in one scrape, and counts what it can't keep", () => {
    const store = new MetricStore();
    store.begin(0);
    store.set(DROPS, "", 1);
    expect(() => store.set(DROPS, "", 2)).toThrow("twice");
    for (let n = 0; n < SERIES_MAX + 5; n++) store.set(PRESSURE, labelText([["n", String(n)]]), n);
    expect(store.leftOut()).toEqual([{ family: "cilium_bpf_map_pressure", samples: 5 }]);
  });
});
