/** What can happen to connections because of load, as it shows in a run's figures. */
import type { VariantResult } from "../../observe/result.js";
import { connectionsOf } from "../size/goals.js";
import { CONNECTION_MAPS } from "../size/sized-maps.js";

export interface Harm {
  readonly name: string;
  readonly count: number;
}

/** Less than this per connection is no harm: the rate that `ctlab size` allows. */
const HARMLESS = 1e-6;

/** Every harm of a run, and how often it came. */
export function harmsOf(run: VariantResult): readonly Harm[] {
  const maps = run.maps.filter(({ name }) => CONNECTION_MAPS.some((each) => each === name));
  const harms = [
    ...maps.map(({ name, insertsRefused }) => ({ name: `${name} refuses entries`, count: insertsRefused })),
    ...maps.map(({ name, evictionsLive }) => ({ name: `${name} evicts live entries`, count: evictionsLive })),
    ...run.drops.map(({ reason, code, count }) => ({ name: `drops: ${reason} (${code})`, count })),
    { name: "connections fail", count: run.counts.connectionsFailed },
    { name: "name lookups and other exchanges fail", count: run.counts.queriesFailed },
  ];
  return merged(harms).filter(({ count }) => count > HARMLESS * connectionsOf(run));
}

function merged(harms: readonly Harm[]): readonly Harm[] {
  const counts = new Map<string, number>();
  for (const { name, count } of harms) counts.set(name, (counts.get(name) ?? 0) + count);
  return [...counts].map(([name, count]) => ({ name, count }));
}
