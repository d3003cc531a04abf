/** From what was read to the facts that the questions are asked of. */
import type { AgentStatus, ConntrackTable, MetricsDump, NatTable } from "../../ingest/index.js";
import type { Configuration } from "./configuration.js";
import { conntrackFacts, survivalFacts } from "./conntrack-facts.js";
import { CT_MAPS, NAT_MAPS, type ConntrackFacts, type Facts, type FlowFacts, type MapFacts, type MapName } from "./facts.js";
import { mapMetrics, metricFacts } from "./metric-facts.js";
import { natFacts, orphanFacts } from "./nat-facts.js";
import { SeriesSet } from "./series.js";

/** What was read; of several files of a kind the oldest first. */
export interface Material {
  readonly conntrack: readonly ConntrackTable[];
  readonly nat: readonly NatTable[];
  readonly natRetries: readonly (readonly number[])[];
  readonly status: readonly AgentStatus[];
  readonly metrics: readonly MetricsDump[];
  readonly flows: FlowFacts | null;
}

export function factsOf(material: Material, { node, sizes }: Configuration): Facts {
  const series = new SeriesSet(material.metrics);
  const dumps = inOrder(material.conntrack);
  const seen = dumps.map((table) => conntrackFacts(table, node.cilium));
  const nats = material.nat.map(natFacts);
  const lastConntrack = dumps.at(-1);
  const lastNat = material.nat.at(-1);
  return {
    node,
    maps: new Map([...CT_MAPS, ...NAT_MAPS].flatMap((map) => {
      const facts = mapFacts(map, series, sizes, seen, material.nat);
      return facts === null ? [] : [[map, facts] as const];
    })),
    metrics: metricFacts(series),
    conntrack: seen.at(-1) ?? null,
    survival: dumps.length < 2 ? null : survivalFacts(dumps.at(-2)!, dumps.at(-1)!),
    nat: nats.at(-1) ?? null,
    natRetries: material.natRetries.at(-1) ?? null,
    orphans: lastConntrack === undefined || lastNat === undefined ? null : orphanFacts(lastConntrack, lastNat),
    flows: material.flows,
  };
}

/** By their clocks, where they have one: nobody should have to mind the order. */
function inOrder(tables: readonly ConntrackTable[]): readonly ConntrackTable[] {
  if (tables.some(({ clock }) => clock === undefined)) return tables;
  return [...tables].sort((a, b) => a.clock!.now - b.clock!.now);
}

function mapFacts(map: MapName, series: SeriesSet, sizes: ReadonlyMap<MapName, number>, conntrack: readonly ConntrackFacts[], nat: readonly NatTable[]): MapFacts | null {
  const metrics = mapMetrics(series, map);
  const maxEntries = metrics?.maxEntries ?? sizes.get(map) ?? null;
  const isNat = (NAT_MAPS as readonly string[]).includes(map);
  const counts = isNat ? nat.map((table) => natEntries(table, map)) : conntrack.map(({ maps }) => maps.find((each) => each.map === map)?.entries ?? 0);
  const fills = [...(metrics?.fills ?? []), ...(maxEntries === null ? [] : counts.map((count) => count / maxEntries))];
  if (maxEntries === null && fills.length === 0) return null;
  const fillMax = fills.length === 0 ? null : Math.max(...fills);
  return { maxEntries, fillMax, fillLast: fills.at(-1) ?? null };
}

function natEntries({ size, addresses, destination }: NatTable, map: MapName): number {
  const wantsIPv6 = map === "snat_v6_external";
  let count = 0;
  for (let i = 0; i < size; i++) if (addresses.isIPv6(destination[i]!) === wantsIPv6) count++;
  return count;
}

