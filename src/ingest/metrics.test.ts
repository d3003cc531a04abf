import { describe, expect, it } from "vitest";
import { parseMetricsList } from "./metrics-list.js";
import { increaseOf, lastValue, seriesNamed } from "./metrics-table.js";
import { parseMetricsText } from "./metrics-text.js";

describe("what Prometheus scrapes", () => {
  it("is read with labels of any text, special values, times of either format and exemplars", () => {
    const { series, skipped, form } = parseMetricsText([
      "# HELP cilium_drop_count_total Total dropped packets",
      "# TYPE cilium_drop_count_total counter",
      'cilium_drop_count_total{direction="EGRESS",reason="CT: Map insertion failed"} 12',
      'a{b="x\\"y\\\\z\\n, c=\\"d\\"",} 1.5e+03 1735689600123',
      "up 1 1735689600.5 # {trace_id=\"1\"} 0.5",
      "h_bucket{le=\"+Inf\"} +Inf",
      "nothing NaN",
      "# EOF",
    ]);
    expect(form).toBe("exposition");
    expect(skipped.count).toBe(0);
    expect(series.map(({ name, labels, values, times }) => [name, labels, values[0], times[0]])).toEqual([
      ["cilium_drop_count_total", { direction: "EGRESS", reason: "CT: Map insertion failed" }, 12, Number.NaN],
      ["a", { b: 'x"y\\z\n, c="d"' }, 1500, 1_735_689_600.123],
      ["up", {}, 1, 1_735_689_600.5],
      ["h_bucket", { le: "+Inf" }, Infinity, Number.NaN],
      ["nothing", {}, Number.NaN, Number.NaN],
    ]);
  });

  it("several times becomes series, in order of time where that is known", () => {
    const dump = parseMetricsText(['c{a="1",b="2"} 5', 'c{b="2",a="1"} 8', 'c{a="1",b="2"} 2', "g 1 30", "g 2 10", "g 3 20"]);
    const [counter] = seriesNamed(dump, "c", { b: "2" });
    expect(counter!.values).toEqual([5, 8, 2]);
    expect(lastValue(counter!)).toBe(2);
    // It began again at 0 after 8.
    expect(increaseOf(counter!)).toBe(5);
    expect(seriesNamed(dump, "g")[0]).toMatchObject({ values: [2, 3, 1], times: [10, 20, 30] });
    expect(seriesNamed(dump, "c", { b: "3" })).toEqual([]);
  });

  it.each([
    ["{} 1", "begins with no metric's name"],
    ['a{b="1} 2', "has labels that can't be read"],
    ['a{b="1" c="2"} 2', "has labels that can't be read"],
    ["a", "has no value"],
    ["a one", "has no value"],
    ["a 1 soon", "has a time that is no number"],
  ])("skips %s", (line, reason) => {
    expect(parseMetricsText(["x 1", line]).skipped).toEqual({ count: 1, first: [{ line: 2, reason }] });
  });
});

describe("cilium metrics list", () => {
  it("of 1.17 and later: plain labels with blanks in values, quantiles with prefixes", () => {
    const { series, skipped, form } = parseMetricsList([
      "Metric                                     Labels                                       Value",
      "cilium_bpf_map_pressure                    map_name=ct4_global                          0.412344",
      "cilium_drop_count_total                    direction=EGRESS reason=Unsupported L3 protocol   3.000000",
      "cilium_agent_bootstrap_seconds             outcome=success scope=bpfBase                2.5ms / 4.5ms / 4.95s",
      "cilium_unreachable_nodes                                                                0.000000",
    ]);
    expect(form).toBe("list");
    expect(skipped.count).toBe(0);
    expect(series.map(({ name, labels, values }) => [name, labels, values[0]])).toEqual([
      ["cilium_bpf_map_pressure", { map_name: "ct4_global" }, 0.412344],
      ["cilium_drop_count_total", { direction: "EGRESS", reason: "Unsupported L3 protocol" }, 3],
      ["cilium_agent_bootstrap_seconds", { outcome: "success", scope: "bpfBase", quantile: "0.5" }, 0.0025],
      ["cilium_agent_bootstrap_seconds", { outcome: "success", scope: "bpfBase", quantile: "0.9" }, 0.0045],
      ["cilium_agent_bootstrap_seconds", { outcome: "success", scope: "bpfBase", quantile: "0.99" }, 4.95],
      ["cilium_unreachable_nodes", {}, 0],
    ]);
  });

  it("of earlier releases: quoted labels", () => {
    const { series } = parseMetricsList(['cilium_drop_count_total   direction="INGRESS" reason="Stale or unroutable IP"   7.000000']);
    expect(series[0]).toMatchObject({ labels: { direction: "INGRESS", reason: "Stale or unroutable IP" }, values: [7] });
  });

  it("skips what is no row", () => {
    expect(parseMetricsList(["Metric   Labels   Value", "~ # cilium metrics list", "a   b=c"]).skipped).toEqual({
      count: 2,
      first: [{ line: 2, reason: "is no metric with labels and value" }, { line: 3, reason: "has a value that is no number" }],
    });
  });
});
