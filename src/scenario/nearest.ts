/** "Did you mean": the nearest valid name by Damerau–Levenshtein distance (optimal string alignment form). */

/** Longer names than this are not compared: nobody mistypes them, and the cost grows with the square. */
const LENGTH_MAX = 100;

/**
 * Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`; stops early and returns
 * `limit + 1` when there are more than `limit`.
 */
export function editDistance(a: string, b: string, limit: number = Number.POSITIVE_INFINITY): number {
  if (Math.abs(a.length - b.length) > limit) return limit + 1;
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  let bestPrevious = 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    let best = i;
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(previous[j]! + 1, row[j - 1]! + 1, previous[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, beforePrevious[j - 2]! + 1);
      }
      row.push(least);
      if (least < best) best = least;
    }
    // A swap reaches over one row, so two rows in turn must be beyond the limit.
    if (best > limit && bestPrevious > limit) return limit + 1;
    bestPrevious = best;
    beforePrevious = previous;
    previous = row;
  }
  return Math.min(previous[b.length]!, limit + 1);
}

/**
 * The name nearest to what was written, or undefined when none is near enough to be what was meant (a third of the
 * letters, at least one, or at most `editsMax`). Case counts for little: `cttcpmax` is `ctTcpMax`. Ties go to the first
 * of `names`.
 */
export function nearestName(written: string, names: Iterable<string>, editsMax: number = Number.POSITIVE_INFINITY): string | undefined {
  if (written.length === 0 || written.length > LENGTH_MAX) return undefined;
  const lower = written.toLowerCase();
  let limit = Math.min(editsMax, Math.max(1, Math.floor(written.length / 3)));
  let nearest: string | undefined;
  for (const name of names) {
    if (name === written || name.length > LENGTH_MAX) continue;
    const candidate = name.toLowerCase();
    // A different spelling of case alone is worth half an edit, so that it wins over any other name.
    const distance = candidate === lower ? 0.5 : editDistance(lower, candidate, limit);
    if (distance <= limit) {
      nearest = name;
      limit = distance - 0.25;
      if (limit < 0.5) break;
    }
  }
  return nearest;
}
