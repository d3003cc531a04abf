/** The list of Hubble's metrics, as the chart takes it. */
import { describe, expect, it } from "vitest";
import { Diagnostics } from "./diagnostics.js";
import { readHubbleMetrics } from "./hubble-metrics.js";
import { place, SourceText } from "./source.js";

const at = place(new SourceText("values.yaml", "hubble"), 0);

describe("hubble.metrics.enabled", () => {
  it("reads contexts, labels in their fixed order, and flags", () => {
    const found = new Diagnostics();
    const specs = ["drop:sourceContext=pod|ip;destinationEgressContext=dns;labelsContext=traffic_direction,source_pod", "flows-to-world:any-drop;port", "tcp"];
    const read = readHubbleMetrics(specs, at, found);
    expect(found.hasErrors).toBe(false);
    expect(read[0]).toEqual({
      name: "drop",
      source: { any: ["pod", "ip"], egress: null, ingress: null },
      destination: { any: [], egress: ["dns"], ingress: null },
      labels: ["source_pod", "traffic_direction"],
      flags: [],
    });
    expect(read[1]!.flags).toEqual(["any-drop", "port"]);
    expect(read[2]).toMatchObject({ name: "tcp", labels: [], flags: [] });
  });

  it.each([
    ["drops", 'no metric "drops"'],
    ["drop:sourceContext=pood", '"pood" is no context'],
    ["flow:labelsContext=source_pods", '"source_pods" is no label'],
  ])("refuses %s as the agent does", (spec, message) => {
    const found = new Diagnostics();
    expect(readHubbleMetrics([spec], at, found)).toEqual([]);
    expect(() => found.throwIfErrors()).toThrow(message);
  });

  it("refuses what would register a metric twice", () => {
    for (const specs of [["flow", "flow:sourceContext=pod"], ["http", "httpV2"]]) {
      const found = new Diagnostics();
      readHubbleMetrics(specs, at, found);
      expect(found.hasErrors, specs.join()).toBe(true);
    }
  });
});
