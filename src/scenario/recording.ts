/**
 * Recorded moments of arrivals: a text file with one moment a line, in seconds from the start of the run (`12.345`) or as
 * a duration (`12345ms`), rising; empty lines and lines that begin with # are comments.
 */
import { DURATION_FORM, NS_PER_S, parseDuration } from "../core/units.js";
import type { Diagnostics } from "./diagnostics.js";
import type { ReadResult } from "./read-file.js";
import { place, type Place } from "./source.js";
import { treeAt, type TreeMap, type TreeScalar } from "./tree.js";

const SECONDS = /^\d+(\.\d{1,9})?$/;
const EXPECTED = `seconds from the start, such as 12.345, or ${DURATION_FORM}`;

/** Moments by the path as the scenario writes it, ns. */
export type Recordings = ReadonlyMap<string, readonly number[]>;

/** The scalars that name recordings. */
export function recordingsNamed(tree: TreeMap): readonly TreeScalar[] {
  const workloads = treeAt(tree, ["workloads"]);
  const items = workloads?.kind === "list" ? workloads.items : [];
  return items.flatMap((item) => {
    const named = treeAt(item, ["arrivals", "recorded"]);
    return named?.kind === "scalar" && typeof named.value === "string" ? [named] : [];
  });
}

/** Undefined when the file is not there or holds something else; then diagnostics say so. `at`: where it is named. */
export function readRecording(path: string, result: ReadResult, at: Place, found: Diagnostics): readonly number[] | undefined {
  if (!result.ok) {
    found.error(result.at ?? at, `the recording ${result.at === undefined ? `${path} ` : ""}${result.message}`, result);
    return undefined;
  }
  const { source } = result;
  found.openFile(source.name);
  const moments: number[] = [];
  let offset = 0;
  for (const line of source.text.split("\n")) {
    const text = line.trim();
    const here = place(source, offset + line.indexOf(text), offset + line.indexOf(text) + text.length);
    offset += line.length + 1;
    if (text === "" || text.startsWith("#")) continue;
    const ns = SECONDS.test(text) ? Math.round(Number(text) * NS_PER_S) : parseDuration(text);
    if (ns === undefined || !Number.isSafeInteger(ns)) {
      found.error(here, `"${text}" is no moment`, { expected: EXPECTED });
      return undefined;
    }
    if (ns < (moments.at(-1) ?? 0)) {
      found.error(here, `the moment ${text} comes after a later one`, { expected: "moments in rising order" });
      return undefined;
    }
    moments.push(ns);
  }
  if (moments.length > 0) return moments;
  found.error(at, `the recording ${path} holds no moment`, { expected: `lines with ${EXPECTED}` });
  return undefined;
}
