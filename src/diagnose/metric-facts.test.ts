import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseMetricsText } from "../ingest/index.js";
import type { MetricFacts } from "./facts.js";
import { mapMetrics, metricFacts } from "./metric-facts.js";
import { gains, SeriesSet } from "./series.js";

const FIRST_S = 1_735_689_600;

/** One scrape a line of values; undefined leaves the sample out. */
function scraped(samples: Readonly<Record<string, readonly (number | undefined)[]>>, stepS = 10): SeriesSet {
  const lines = Object.entries(samples).flatMap(([series, values]) =>
    values.flatMap((value, i) => (value === undefined ? [] : [`${series} ${value} ${FIRST_S + i * stepS}`])),
  );
  return new SeriesSet([parseMetricsText(["# TYPE cilium_x gauge", ...lines, "# EOF"])]);
}

const facts = (samples: Parameters<typeof scraped>[0]): MetricFacts => metricFacts(scraped(samples))!;
const RUNS = 'cilium_datapath_conntrack_gc_runs_total{family="ipv4",protocol="TCP",status="completed"}';
const FAILED = 'cilium_drop_count_total{reason="CT: Map insertion failed",direction="INGRESS"}';
const FORWARDED = 'cilium_forward_count_total{direction="INGRESS"}';

describe("drops", () => {
  it("are counted between the scrapes, and by their share where they are most frequent", () => {
    const { drops, forwarded } = facts({ [FORWARDED]: [1000, 2000, 2900], [FAILED]: [5, 5, 105] });
    expect(forwarded).toBe(1900);
    expect(drops).toEqual([{ reason: "CT: Map insertion failed", count: 100, worstShare: 0.1 }]);
  });

  it("of one scrape are what it shows", () => {
    expect(facts({ [FORWARDED]: [995], [FAILED]: [5] }).drops).toEqual([{ reason: "CT: Map insertion failed", count: 5, worstShare: 0.005 }]);
  });

  it("that are not exported are unknown where nothing was let through either", () => {
    expect(facts({ [RUNS]: [1, 2] }).drops).toBeNull();
    expect(facts({ [FORWARDED]: [1, 2] }).drops).toEqual([]);
  });

  it("are held against runs of the collector", () => {
    const { withGc } = facts({ [FORWARDED]: [0, 10, 20, 30, 40], [FAILED]: [0, 0, 7, 7, 9], [RUNS]: [1, 1, 2, 2, 2] });
    expect(withGc["CT: Map insertion failed"]).toEqual({ drops: 9, dropsWithRun: 7, runShare: 0.25 });
  });
});

describe("restarts", () => {
  it("are counters that begin again, and gaps", () => {
    expect(facts({ [RUNS]: [3, 4, 1, 2] }).restarts).toBe(1);
    expect(facts({ [RUNS]: [3, 4, 5, 6] }).restarts).toBe(0);
    expect(facts({ [RUNS]: [3, 4, undefined, undefined, undefined, 4, 5] }).restarts).toBe(1);
    expect(facts({ [RUNS]: [3] }).restarts).toBeNull();
  });

  it("may find a map of another size, or empty", () => {
    const pressure = 'cilium_bpf_map_pressure{map_name="ct4_global"}';
    const resized = facts({
      'cilium_bpf_map_capacity{map_group="default"}': [65_536, 65_536, 65_536],
      'cilium_bpf_map_capacity{map_group="cilium_ct4_global"}': [undefined, undefined, 131_072],
    });
    expect(resized.resized).toEqual([{ map: "ct4_global", from: 65_536, to: 131_072 }]);
    expect(facts({ [RUNS]: [8, 9, 1], [pressure]: [0.3, 0.3, 0.01] }).emptied).toEqual(["ct4_global"]);
    // Without a restart the collector may have deleted as much.
    expect(facts({ [RUNS]: [8, 9, 10], [pressure]: [0.3, 0.3, 0.01] }).emptied).toEqual([]);
  });
});

describe("maps", () => {
  it("have the size of their group, or that of all others", () => {
    const set = scraped({
      'cilium_bpf_map_capacity{map_group="default"}': [65_536],
      'cilium_bpf_map_capacity{map_group="cilium_ct4_global"}': [131_072],
      'cilium_bpf_map_pressure{map_name="ct4_global"}': [0.5],
    });
    expect(mapMetrics(set, "ct4_global")).toEqual({ maxEntries: 131_072, fills: [0.5] });
    expect(mapMetrics(set, "ct_any4_global")).toEqual({ maxEntries: 65_536, fills: [] });
    expect(mapMetrics(scraped({ [RUNS]: [1] }), "ct4_global")).toBeUndefined();
  });

  it("are not read from what only a simulated run has", () => {
    expect(metricFacts(scraped({ 'ctlab_bpf_map_evictions_total{map_name="ct4_global",live="true"}': [1, 2] }))).toBeNull();
  });
});

describe("a counter's gains", () => {
  it("are what was counted, however often it began again", () => {
    // Plain: every unit that a process counted, between two moments; what came before the first moment is not known.
    const lives = fc.array(fc.array(fc.nat({ max: 9 }), { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(lives, (steps) => {
        const shown: number[] = [];
        let total = 0;
        for (const life of steps) {
          // A life that begins with no less than the last one ended can't be told from its continuation.
          fc.pre(shown.length === 0 || life[0]! < shown.at(-1)!);
          let sum = 0;
          for (const step of life) {
            sum += step;
            if (shown.length > 0) total += step;
            shown.push(sum);
          }
        }
        return gains({ labels: {}, values: shown }).reduce((a, b) => a + b, 0) === total;
      }),
    );
  });

  it("begin at nothing for a series that appears", () => {
    expect(gains({ labels: {}, values: [undefined, 5, undefined, 7] })).toEqual([5, 0, 2]);
  });
});
