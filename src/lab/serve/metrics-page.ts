/**
 * `/metrics` of a served run: what a scrape of the node would have said at this moment of the replay, out of `metrics.om`. A
 * series that the last scrape did not have is not there; time stamps are left out, as they are in a scrape.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";

export const OPEN_METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const END = "# EOF\n";

/** Lines before a family's series, and each series with its last sample. */
interface Family {
  readonly head: string[];
  readonly series: Map<string, { readonly value: string; readonly atSeconds: number }>;
}

/** Reads the file up to a moment of the run, seconds since 1970; Infinity = all of it. */
export async function metricsPage(path: string, untilSeconds: number): Promise<string> {
  const families: Family[] = [];
  let latest = -Infinity;
  for await (const line of createInterface({ input: createReadStream(path, "utf8"), crlfDelay: Infinity })) {
    if (line === "" || line === "# EOF") continue;
    if (line.startsWith("#")) {
      const last = families.at(-1);
      if (last !== undefined && last.series.size === 0) last.head.push(line);
      else families.push({ head: [line], series: new Map() });
      continue;
    }
    const match = /^(.*) (\S+) (\S+)$/.exec(line);
    if (match === null) continue;
    const atSeconds = Number(match[3]);
    if (atSeconds > untilSeconds) continue;
    latest = Math.max(latest, atSeconds);
    families.at(-1)?.series.set(match[1]!, { value: match[2]!, atSeconds });
  }
  const texts = families.map(({ head, series }) => {
    const present = [...series].filter(([, { atSeconds }]) => atSeconds === latest).map(([name, { value }]) => `${name} ${value}\n`);
    return present.length === 0 ? "" : `${head.join("\n")}\n${present.join("")}`;
  });
  return texts.join("") + END;
}
