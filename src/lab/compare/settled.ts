/** When a comparison has run long enough. */
import type { ComparedFigure } from "../../observe/comparison-result.js";
import { isPrecise } from "../../stats/sequential.js";

/** Whether more runs would add nothing that was asked for. */
export function isSettled({ first, difference, direction }: ComparedFigure, width: number | undefined): boolean {
  if (direction === "undecided") return false;
  // What neither side shows has no width in terms of itself.
  if (width === undefined || difference === null || first.mean === null || first.mean === 0) return true;
  const half = (difference.high - difference.low) / 2;
  return isPrecise({ value: first.mean, low: first.mean - half, high: first.mean + half }, width);
}
