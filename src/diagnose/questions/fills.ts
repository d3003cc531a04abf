/** How full maps are, in the words of the questions. */
import { formatCount } from "../../core/units.js";
import { ratioText } from "../../report/wording.js";
import { CT_MAPS, NAT_MAPS, type Facts, type MapFacts, type MapName } from "../facts.js";

/**
 * Where an LRU map counts as full: free elements in the lists of the CPUs, up to 128 each, are counted as not in use, so it
 * never shows 1.
 */
export const FULL = 0.85;
export const HALF = 0.5;
/** Elements that a CPU takes at a time (kernel/bpf/bpf_lru_list.c, LOCAL_FREE_TARGET). */
export const LRU_BATCH = 128;

export interface Fill {
  readonly map: MapName;
  readonly fill: number;
  readonly facts: MapFacts;
}

export function conntrackFill(facts: Facts): Fill | null {
  return fullest(facts, CT_MAPS);
}

export function natFill(facts: Facts): Fill | null {
  return fullest(facts, NAT_MAPS);
}

/** The map that came closest to its size, as far as any is known. */
function fullest({ maps }: Facts, names: readonly MapName[]): Fill | null {
  const fills = names.flatMap((map) => {
    const facts = maps.get(map);
    return facts === undefined || facts.fillMax === null ? [] : [{ map, fill: facts.fillMax, facts }];
  });
  return fills.reduce<Fill | null>((most, each) => (most === null || each.fill > most.fill ? each : most), null);
}

/** `ct4_global was at 0.912 of 2,048`. */
export function fillText({ map, fill, facts: { maxEntries } }: Fill): string {
  return `${map} was at ${ratioText(fill)}${maxEntries === null ? "" : ` of ${formatCount(maxEntries)}`}`;
}

export function bandOf(fill: number): "below half" | "above half" | "full" {
  return fill >= FULL ? "full" : fill >= HALF ? "above half" : "below half";
}
