/** `ctlab verify maps FILE…`: replays recorded kernel traces on the model; one case a trace. */

import { MapCreateError } from "../../bpf/create.js";
import { Errno, errnoName } from "../../bpf/errno.js";
import { kernelMemory } from "../../bpf/memory.js";
import type { MapHost } from "../../bpf/spec.js";
import { failed, passed, VectorFileError } from "./case.js";
import type { CaseOutcome, Verifier } from "./case.js";
import { MapModel, sameResult } from "./map-model.js";
import { isNotUnderstood, NotATrace, opName, parseTrace, specOf } from "./map-trace.js";
import type { MapTrace, TraceOp, TraceResult } from "./map-trace.js";

/** Longest piece of a result that a difference shows. */
const SHOWN_LENGTH = 160;

export const verifyMaps: Verifier = function* (file) {
  let cases = 0;
  let number = 0;
  for (const line of file.text.split("\n")) {
    number++;
    if (line.trim() === "") continue;
    cases++;
    yield outcomeOf(line, file.path, number);
  }
  if (cases === 0) throw new VectorFileError(file.path, "holds no trace");
};

function outcomeOf(line: string, path: string, number: number): CaseOutcome {
  try {
    const trace = parseTrace(line);
    return isNotUnderstood(trace) ? failed(trace.id, trace.where, "something known", trace.found) : replay(trace);
  } catch (error) {
    if (error instanceof NotATrace) throw new VectorFileError(path, error.message, number);
    throw error;
  }
}

/** Replays one trace and compares every result, the limit, the memory and, where recorded, the evicted keys. */
export function replay(trace: MapTrace): CaseOutcome {
  const spec = specOf(trace);
  const host: MapHost = { possibleCpus: trace.ncpu, refill: trace.freeTarget };
  let model: MapModel;
  try {
    model = new MapModel(spec, host);
  } catch (error) {
    if (error instanceof MapCreateError) return failed(trace.id, "creation", "a map", errnoName(error.errno));
    if (error instanceof RangeError) return failed(trace.id, "creation", "a map", `more memory than there is (${error.message})`);
    throw error;
  }
  if (model.map.maxEntries !== trace.effectiveMaxEntries) {
    return failed(trace.id, "effectiveMaxEntries", trace.effectiveMaxEntries, model.map.maxEntries);
  }
  const memory = kernelMemory(spec, host, 0, trace.kernel);
  if (memory !== trace.memlock) return failed(trace.id, "memlock", trace.memlock, memory);
  for (let i = 0; i < trace.res.length; i++) {
    const code = trace.ops[2 * i]! as TraceOp;
    const argument = trace.ops[2 * i + 1]!;
    const actual = model.run(code, argument, i + 1);
    if (!sameResult(trace.res[i]!, actual)) {
      const where = `op ${i + 1} (${opName(code)!} ${argument})`;
      return failed(trace.id, where, showResult(trace.res[i]!), showResult(actual));
    }
  }
  return compareEvicted(trace, model.evicted) ?? passed(trace.id, trace.res.length);
}

function compareEvicted(trace: MapTrace, actual: readonly (readonly number[])[]): CaseOutcome | undefined {
  const { evicted } = trace;
  if (evicted === undefined) return undefined;
  for (let i = 0; i < Math.max(evicted.length, actual.length); i++) {
    const expected = JSON.stringify(evicted[i]);
    const got = JSON.stringify(actual[i]);
    if (expected !== got) return failed(trace.id, `evicted, item ${i + 1}`, expected ?? "no more", got ?? "no more");
  }
  return undefined;
}

/** A result for people: errors by name, long ones cut. */
export function showResult(result: TraceResult): string {
  if (typeof result === "number" && result < 0 && result >= -Errno.ENOTSUPP) return errnoName(result);
  const text = JSON.stringify(result);
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH)}… (${text.length} characters)`;
}
