/** What one run says about maps of every size, as plain data that a worker can send. */

/** What a map of this size would have done. Counts are of the sampled elements, scaled up. */
export interface CurvePoint {
  readonly maxEntries: number;
  /** Inserts that a full map had no room for, those of packets sent again included. Maps that evict refuse next to none. */
  readonly refused: number;
  readonly evictions: number;
  /** Of `evictions`: entries whose lifetime had not passed; 0 for maps whose entries have none. */
  readonly evictionsLive: number;
  /** Lookups that found an entry in the run and would have found none in this map. */
  readonly missed: number;
}

export interface MapCurve {
  /** As `cilium_bpf_map_pressure` labels it. */
  readonly name: string;
  /** Kernel's name of the type that the map has on the node: `lru_hash` or `hash`. */
  readonly type: "lru_hash" | "hash";
  /** Size on the node; GC's interval follows it. */
  readonly maxEntries: number;
  /** Share of the elements that were followed: 1, ½, ¼ … */
  readonly share: number;
  /** Elements made during the run; those there at its start are not among them. */
  readonly made: number;
  /** Most elements at any time: a map of this size neither refuses nor evicts for want of room. */
  readonly peak: number;
  /** Inserts that found no room in the simulator: above 0 the curve can't be trusted. */
  readonly overflows: number;
  /** By ascending size. */
  readonly points: readonly CurvePoint[];
}
