/**
 * What the entries of conntrack and NAT maps are, looked up a few dozen times a run: a walk reads and changes nothing.
 *
 * Of a large map it looks at every so many-th bucket, the same ones each time while the map is about as full, so that what stays
 * in the map makes no noise. Keys are spread by a hash, so the buckets are a fair sample of the entries; classes are then shares
 * of the map's own count, which is exact.
 */
import type { HashTable } from "../bpf/hash-table.js";
import { CT_CLOSED, CT_SYN_ONLY, ctStateOf } from "../cilium/maps/ct-flags.js";
import type { CtMap } from "../cilium/maps/ct-map.js";
import type { NatMap } from "../cilium/maps/nat-map.js";
import { tableOf } from "../cilium/maps/table.js";
import { tupleKindOf } from "../cilium/maps/tuple.js";
import type { BuiltNode } from "../node/build.js";
import type { ContentDivision, MapContents } from "../observe/result.js";

/** Moments of a run at which maps are looked into, about. */
export const MOMENTS = 60;
/** Entries that one look takes in, about: the standard error of a share is then below 1 % of the map. */
const SAMPLE = 4000;
/** Flags stand above the protocol in the last word of a key. */
const FLAGS_SHIFT = 8;

const STATES = ["alive", "handshake", "closing", "expired"] as const;
const ALIVE = 0;
const HANDSHAKE = 1;
const CLOSING = 2;
const EXPIRED = 3;
/** By `tupleKindOf`, as `cilium bpf ct list` and `cilium bpf nat list` print them. */
const DIRECTIONS = ["OUT", "IN", "SVC", "RELATED"] as const;

interface Watched {
  readonly name: string;
  readonly view: CtMap | NatMap;
  /** Of a conntrack map: whose entries have a state; only TCP's show a handshake and an end. */
  readonly conntrack: CtMap | null;
  readonly isTcp: boolean;
  readonly timeNs: number[];
  readonly byState: number[][];
  readonly byDirection: number[][];
  /** Fewest entries looked at where that was not all. */
  sampled: number | null;
}

export class MapContentsRecorder {
  readonly #watched: readonly Watched[];
  readonly #clock: (atNs: number) => number;
  readonly #states = new Float64Array(STATES.length);
  readonly #directions = new Float64Array(DIRECTIONS.length);

  constructor({ maps, clock }: Pick<BuiltNode, "maps" | "clock">) {
    this.#clock = clock;
    const families = ([1, 4] as const).filter((words) => maps.hasFamily(words)).map((words) => [words === 1 ? 4 : 6, maps.family(words)] as const);
    this.#watched = families.flatMap(([version, { ctGlobal, ctAnyGlobal, snatExternal }]) => [
      watched(`ct${version}_global`, ctGlobal, ctGlobal, true),
      watched(`ct_any${version}_global`, ctAnyGlobal, ctAnyGlobal, false),
      watched(`snat_v${version}_external`, snatExternal, null, false),
    ]);
  }

  /** Looks into the maps as they are now. */
  look(nowNs: number): void {
    for (const each of this.#watched) this.#lookInto(each, nowNs);
  }

  #lookInto(watched: Watched, nowNs: number): void {
    const table = tableOf(watched.view.map);
    const { count, buckets } = table;
    const every = 2 ** Math.max(0, Math.round(Math.log2(count / SAMPLE)));
    this.#states.fill(0);
    this.#directions.fill(0);
    const now = this.#clock(nowNs);
    let seen = 0;
    for (let bucket = every === 1 ? table.nextOccupied(0, buckets) : 0; bucket < buckets; bucket = nextBucket(table, bucket, every)) {
      for (let slot = table.firstOfBucket(bucket); slot !== 0; slot = table.nextInBucket(slot)) {
        seen++;
        this.#directions[directionOf(table, slot)]!++;
        if (watched.conntrack !== null) this.#states[stateOf(watched.conntrack, slot, now, watched.isTcp)]!++;
      }
    }
    if (seen < count) watched.sampled = Math.min(watched.sampled ?? seen, seen);
    watched.timeNs.push(nowNs);
    watched.byDirection.push(scaled(this.#directions, seen, count));
    if (watched.conntrack !== null) watched.byState.push(scaled(this.#states, seen, count));
  }

  /** Of maps that ever held anything. */
  results(): readonly MapContents[] {
    return this.#watched.flatMap((each) => {
      if (each.byDirection.every((counts) => counts.every((count) => count === 0))) return [];
      const byDirection = contents(each, "direction", DIRECTIONS, each.byDirection);
      return each.conntrack === null ? [byDirection] : [contents(each, "state", STATES, each.byState), byDirection];
    });
  }
}

function watched(name: string, view: CtMap | NatMap, conntrack: CtMap | null, isTcp: boolean): Watched {
  return { name, view, conntrack, isTcp, timeNs: [], byState: [], byDirection: [], sampled: null };
}

/** With every bucket, past empty ones in strides; else the next of the sample. */
function nextBucket(table: HashTable, bucket: number, every: number): number {
  return every === 1 ? table.nextOccupied(bucket + 1, table.buckets) : bucket + every;
}

function directionOf({ rows, stride, keyWords }: HashTable, slot: number): number {
  return tupleKindOf(rows[slot * stride + keyWords - 1]! >>> FLAGS_SHIFT);
}

function stateOf(ct: CtMap, slot: number, now: number, isTcp: boolean): number {
  if (ct.lifetime(slot) < now) return EXPIRED;
  switch (ctStateOf(ct.flags(slot), isTcp)) {
    case CT_SYN_ONLY:
      return HANDSHAKE;
    case CT_CLOSED:
      return CLOSING;
    default:
      return ALIVE;
  }
}

/** Counts of a sample brought to the whole, in integers that add up to it. */
function scaled(counts: Float64Array, seen: number, whole: number): number[] {
  let [sum, given] = [0, 0];
  return Array.from(counts, (count) => {
    sum += count;
    const upTo = seen === 0 ? 0 : Math.round((sum / seen) * whole);
    const own = upTo - given;
    given = upTo;
    return own;
  });
}

function contents(each: Watched, by: ContentDivision, names: readonly string[], counts: readonly (readonly number[])[]): MapContents {
  const classes = names.map((name, at) => ({ name, entries: counts.map((moment) => moment[at]!) }));
  return { map: each.name, by, timeNs: each.timeNs, sampled: each.sampled, classes: classes.filter(({ entries }) => entries.some((count) => count > 0)) };
}
