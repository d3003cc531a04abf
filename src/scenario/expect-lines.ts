/** The `expect:` lines of a file: each read, held against what the scenario has, with the place of its mistakes. */

import type { CheckedInput } from "./check.js";
import type { Diagnostics } from "./diagnostics.js";
import { ExpectationError, parseExpectation, type Expectation, type ExpectationNames, type ParsedExpectation } from "./expect.js";
import { place, type Place } from "./source.js";
import { placeOf, treeAt, type Tree, type TreeMap, type TreeScalar } from "./tree.js";
import { isSteady } from "./workload-input.js";

/** Reads the `expect:` lines; every mistake is reported with its place in the line. */
export function readExpectations(parts: CheckedInput, tree: TreeMap, names: ExpectationNames, found: Diagnostics): readonly Expectation[] {
  const workloads = parts.workloads.filter((workload) => workload !== undefined);
  const complete = workloads.length === parts.workloads.length;
  // Half a burst is a mistake of its own.
  const bursts =
    !complete ||
    workloads.some((workload) => {
      return "arrivals" in workload && isSteady(workload.arrivals) && (workload.arrivals.every ?? workload.arrivals.for) !== undefined;
    });
  const result: Expectation[] = [];
  for (const [index, text] of parts.expect.entries()) {
    if (text === undefined) continue;
    const at = placeOf(tree, ["expect", index]);
    try {
      const parsed = parseExpectation(text, names);
      if (!bursts && speaksOfBursts(parsed)) {
        found.error(at, `"${text}" speaks of bursts, and no workload has any`, { expected: "a workload with `every` and `for`" });
      }
      result.push({ ...parsed, file: at.source.name, line: at.source.position(at.start).line });
    } catch (error) {
      if (!(error instanceof ExpectationError)) throw error;
      found.error(inside(treeAt(tree, ["expect", index]), error, at), error.message, { expected: error.expected, names: error.names });
    }
  }
  return result;
}

function speaksOfBursts({ metric, labels }: ParsedExpectation): boolean {
  return metric.startsWith("burst_") || metric === "map_pressure_before" || labels["window"] === "inside";
}

/** The place of a stretch of a scalar's text; the whole scalar when escapes or folding moved its letters. */
function inside(tree: Tree | undefined, { start, end }: ExpectationError, otherwise: Place): Place {
  const scalar = tree?.kind === "scalar" ? tree : undefined;
  if (scalar === undefined) return otherwise;
  const first = textStart(scalar);
  return first === undefined ? otherwise : place(scalar.at.source, first + start, first + end);
}

function textStart({ at, text, quoted }: TreeScalar): number | undefined {
  const first = at.start + (quoted ? 1 : 0);
  return at.source.text.startsWith(text, first) ? first : undefined;
}
