/** What is recommended speaks of series that agents really have, in every release. */
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { Diagnostics } from "../../scenario/diagnostics.js";
import { HUBBLE_METRICS, readHubbleMetrics } from "../../scenario/hubble-metrics.js";
import { promQlMistake } from "../../scenario/promql.js";
import { seriesDomains } from "../alerts/domains.js";
import { LabelSets } from "../alerts/label-sets.js";
import { emptySelector, unequalGroups } from "../alerts/never.js";
import { grafanaDashboard } from "./grafana.js";
import { prometheusRules } from "./prometheus-rules.js";
import { recommendedAlerts } from "./recommended-alerts.js";

const RELEASES = ["1.14", "1.15", "1.16", "1.17", "1.18", "1.19"];

function labelSets(cilium: string): LabelSets {
  const hubbleMetrics = readHubbleMetrics(HUBBLE_METRICS, undefined, new Diagnostics());
  return new LabelSets(seriesDomains({ profile: { cilium, kernel: "6.6" }, observe: { hubbleMetrics } as never }));
}

interface Target {
  readonly expr: string;
}
interface GridPanel {
  readonly id: number;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly panels?: readonly GridPanel[];
}

describe.each(RELEASES)("Cilium %s", (release) => {
  it("has alerts that can fire, each with a reason for its threshold", () => {
    const sets = labelSets(release);
    const alerts = recommendedAlerts(release);
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { alert, expr, why, description } of alerts) {
      expect(promQlMistake(expr), alert).toBeUndefined();
      expect(emptySelector(expr, sets) ?? unequalGroups(expr, sets), alert).toBeNull();
      expect(why.length, alert).toBeGreaterThan(40);
      expect(description.length, alert).toBeGreaterThan(40);
    }
    const watched = alerts.map(({ expr }) => expr).join("\n");
    for (const series of ["cilium_datapath_conntrack_gc_", "CT: Map insertion failed", "No mapping for NAT masquerade", "hubble_lost_events_total"]) {
      expect(watched).toContain(series);
    }
  });

  it("has a dashboard of series that are there, laid out without overlaps", () => {
    const sets = labelSets(release);
    const { panels } = JSON.parse(grafanaDashboard(release)) as { panels: readonly GridPanel[] };
    const flat = panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
    expect(new Set(flat.map(({ id }) => id)).size).toBe(flat.length);
    for (const { expr } of flat.flatMap(({ targets }) => targets ?? [])) {
      const plain = expr.replaceAll("$instance", ".*").replaceAll("$__rate_interval", "5m");
      expect(promQlMistake(plain), expr).toBeUndefined();
      if (!plain.includes("ctlab_")) expect(emptySelector(plain, sets), expr).toBeNull();
    }
    const cells = new Set<string>();
    for (const { gridPos, type } of flat) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x},${y}`), `${type} at ${x},${y}`).toBe(false);
          cells.add(`${x},${y}`);
        }
      }
    }
  });

  it("has the same rules plain and for the operator", () => {
    const plain = parse(prometheusRules({ cilium: release, plain: true })) as { groups: unknown };
    const object = parse(prometheusRules({ cilium: release, plain: false })) as { kind: string; spec: { groups: unknown } };
    expect(object.kind).toBe("PrometheusRule");
    expect(object.spec.groups).toEqual(plain.groups);
  });
});

it("notices a rule that could not fire", () => {
  expect(emptySelector('cilium_bpf_map_pressure{map_name=~"ct.*"} > 0.7', labelSets("1.14"))).toContain("map_name of cilium_bpf_map_pressure is");
  expect(emptySelector("cilium_nat_endpoint_max_connection > 0.8", labelSets("1.15"))).toContain("no series cilium_nat_endpoint_max_connection");
});
