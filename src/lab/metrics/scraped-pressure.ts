/** What a Prometheus server has of the agent's map pressure, for a chart beside the truth. */
import { AGENT_FAMILIES } from "../../node/metrics/agent-families.js";
import type { MetricStore } from "../../observe/metrics/metric-store.js";
import type { ScrapedPressure } from "../../observe/result.js";

const MAP_LABEL = /map_name="([^"]*)"/;

export function scrapedPressure(store: MetricStore): ScrapedPressure {
  const scrapes = store.timesNs.length;
  for (const { family, groups } of store.families()) {
    if (family !== AGENT_FAMILIES.mapPressure) continue;
    const maps = [...groups].flatMap(({ columns }) =>
      columns.map(({ series, first, values }) => ({
        map: MAP_LABEL.exec(series)?.[1] ?? series,
        pressure: Array.from({ length: scrapes }, (_, scrape) => presentOrNull(values[scrape - first])),
      })),
    );
    return { timeNs: store.timesNs, maps };
  }
  return { timeNs: store.timesNs, maps: [] };
}

/** Absent is NaN, or beyond what a series has. */
function presentOrNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}
