/** How even a Maglev table is, and what a change of backends moves. Computed from tables, never from rules of thumb. */

/** Shares of a table. */
export interface MaglevBalance {
  readonly backends: number;
  readonly slotsMin: number;
  readonly slotsMax: number;
  /** Largest over mean share, less 1: how much more than its part the busiest backend gets. */
  readonly overload: number;
}

/** Slots of each backend id, ascending by id. */
export function slotsPerBackend(table: Int32Array): ReadonlyMap<number, number> {
  const slots = new Map<number, number>();
  for (const id of table) slots.set(id, (slots.get(id) ?? 0) + 1);
  return new Map([...slots].sort(([a], [b]) => a - b));
}

export function balanceOf(table: Int32Array, backendIds: readonly number[]): MaglevBalance {
  const slots = slotsPerBackend(table);
  const shares = backendIds.map((id) => slots.get(id) ?? 0);
  const slotsMax = Math.max(...shares);
  return {
    backends: backendIds.length,
    slotsMin: Math.min(...shares),
    slotsMax,
    overload: (slotsMax * backendIds.length) / table.length - 1,
  };
}

/** What a change of backends does to new connections, and to those whose conntrack entry is lost. */
export interface MaglevDisruption {
  /** Slots whose backend is gone: these have to move. */
  readonly slotsOfRemoved: number;
  /** Slots that moved from one backend that stayed to another that stayed. */
  readonly slotsMovedBetweenSurvivors: number;
  /** Slots taken over by new backends. */
  readonly slotsOfAdded: number;
  /** slotsMovedBetweenSurvivors / table size. */
  readonly movedShare: number;
}

export function disruptionBetween(before: Int32Array, after: Int32Array): MaglevDisruption {
  if (before.length !== after.length) throw new RangeError("tables of different size have no slots in common");
  const old = new Set(before);
  const now = new Set(after);
  let slotsOfRemoved = 0;
  let slotsOfAdded = 0;
  let slotsMovedBetweenSurvivors = 0;
  for (const [slot, id] of before.entries()) {
    const next = after[slot]!;
    if (next === id) continue;
    if (!now.has(id)) slotsOfRemoved++;
    else if (!old.has(next)) slotsOfAdded++;
    else slotsMovedBetweenSurvivors++;
  }
  return {
    slotsOfRemoved,
    slotsMovedBetweenSurvivors,
    slotsOfAdded,
    movedShare: slotsMovedBetweenSurvivors / before.length,
  };
}
