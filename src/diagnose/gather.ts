/** From what was read to the facts that the questions are asked of. */
import type { AgentStatus, ConntrackTable, MetricsDump, NatTable } from "../ingest/index.js";
import type { Configuration } from "./configuration.js";
import { conntrackFacts, survivalFacts } from "./conntrack-facts.js";
import { CT_MAPS, NAT_MAPS, type ConntrackFacts, type Facts, type FlowFacts, type MapFacts, type MapName } from "./facts.js";
import { mapMetrics, metricFacts, type MapMetrics } from "./metric-facts.js";
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
      const facts = mapFacts(mapMetrics(series, map), sizes.get(map), entriesIn(map, seen, material.nat));
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

/** `counts`: entries in the dumps. */
function mapFacts(metrics: MapMetrics | undefined, size: number | undefined, counts: readonly number[]): MapFacts | null {
  const maxEntries = metrics?.maxEntries ?? size ?? null;
  const fills = [...(metrics?.fills ?? []), ...(maxEntries === null ? [] : counts.map((count) => count / maxEntries))];
  if (maxEntries === null && fills.length === 0) return null;
  const fillMax = fills.length === 0 ? null : Math.max(...fills);
  return { maxEntries, fillMax, fillLast: fills.at(-1) ?? null };
}

function entriesIn(map: MapName, conntrack: readonly ConntrackFacts[], nat: readonly NatTable[]): readonly number[] {
  if ((NAT_MAPS as readonly string[]).includes(map)) return nat.map((table) => natEntries(table, map));
  return conntrack.map(({ maps }) => maps.find((each) => each.map === map)?.entries ?? 0);
}

function natEntries({ size, addresses, destination }: NatTable, map: MapName): number {
  const wantsIPv6 = map === "snat_v6_external";
  let count = 0;
  for (let i = 0; i < size; i++) if (addresses.isIPv6(destination[i]!) === wantsIPv6) count++;
  return count;
}

