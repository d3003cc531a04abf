/** `ctlab verify hist`: bpftrace's `hist()` and `lhist()`, from the calls to the blocks, the whole output and its JSON. */
import {
  blocksText, type HistEntry, type HistRow, histBlocks, histJson, histRows, type LinearRange, lhistRows, type ValueCount,
} from "../../report/bpftrace-hist.js";
import { type CaseOutcome, type Verifier, passed } from "./case.js";
import { firstDifference } from "./compare.js";
import {
  eachCase, FieldError, type Fields, isFields, listOf, numberOf, oneOf, onlyFields, parseVectors, textOf, unknownSections,
} from "./fields.js";

/** Words only: what the case is called, and the program whose calls it lists. */
const INFORMATION = ["id", "title", "program"] as const;
/** What bpftrace prints between "Attaching 1 probe..." and the first block. */
const PREAMBLE = "\n\n";

export const verifyHist: Verifier = function* verifyHist(file) {
  const root = parseVectors(file, ["vectors"]);
  yield* eachCase(root, "vectors", (each, i) => String(each["id"] ?? i), verifyOutput);
  yield* unknownSections(root, ["vectors", "tool"]);
};

function verifyOutput(each: Fields, id: string): CaseOutcome {
  onlyFields(each, [...INFORMATION, "calls", "stdout", "blocks", "json"]);
  const calls = listOf(each, "calls").map((entry, index) => callOf(entry, index));
  const entries = entriesOf(calls);
  const blocks = histBlocks(entries);
  const difference =
    firstDifference("blocks", listOf(each, "blocks"), blocks) ??
    firstDifference("stdout", textOf(each, "stdout"), PREAMBLE + blocksText(blocks)) ??
    firstDifference("json", listOf(each, "json"), histJson(entries));
  return difference === undefined ? passed(id, calls.length) : { id, difference };
}

interface Call {
  readonly map: string;
  readonly key: readonly (string | number)[] | undefined;
  /** Undefined for `hist()`. */
  readonly range: LinearRange | undefined;
  readonly value: ValueCount;
}

function callOf(entry: unknown, index: number): Call {
  if (!isFields(entry)) throw new FieldError(`calls[${index}]`, "an object", entry);
  const linear = oneOf(entry, "fn", ["hist", "lhist"]) === "lhist";
  onlyFields(entry, ["map", "key", "fn", "value", "times", ...(linear ? ["min", "max", "step"] : [])]);
  const times = "times" in entry ? numberOf(entry, "times") : 1;
  if (!Number.isSafeInteger(times) || times < 1) throw new FieldError(`calls[${index}].times`, "a whole number ≥ 1", times);
  const range = { min: linear ? numberOf(entry, "min") : 0, max: linear ? numberOf(entry, "max") : 0, step: linear ? numberOf(entry, "step") : 0 };
  return { map: textOf(entry, "map"), key: keyOf(entry), range: linear ? range : undefined, value: [valueOf(entry), times] };
}

/** A whole number; as text when it lies beyond 2^53. */
function valueOf(entry: Fields): number | bigint {
  const value = entry["value"];
  if (typeof value === "number" && Number.isInteger(value)) return value;
  if (typeof value === "string" && /^-?\d+$/.test(value)) return BigInt(value);
  throw new FieldError("value", "a whole number", value);
}

/** A text, a number, or a list of them. */
function keyOf(entry: Fields): Call["key"] {
  if (!("key" in entry) || entry["key"] === null) return undefined;
  const parts: readonly unknown[] = Array.isArray(entry["key"]) ? (entry["key"] as unknown[]) : [entry["key"]];
  return parts.map((part) => {
    if (typeof part === "string" || Number.isSafeInteger(part)) return part as string | number;
    throw new FieldError("key", "a text, a whole number or a list of them", part);
  });
}

/** One entry for each map and key, with all its values. */
function entriesOf(calls: readonly Call[]): HistEntry[] {
  const groups = new Map<string, Call[]>();
  for (const call of calls) {
    const name = JSON.stringify([call.map, call.key ?? null]);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [call]);
    else group.push(call);
  }
  return [...groups.values()].map((group) => {
    const { map, key, range } = group[0]!;
    if (group.some((call) => JSON.stringify(call.range) !== JSON.stringify(range))) {
      throw new FieldError("calls", "one kind of histogram in one map", map);
    }
    const values = group.map(({ value }) => value);
    const rows = rowsOf(values, range);
    return { map, ...(key === undefined ? {} : { key }), rows };
  });
}

function rowsOf(values: readonly ValueCount[], range: LinearRange | undefined): readonly HistRow[] {
  if (range === undefined) return histRows(values);
  try {
    return lhistRows(values, range);
  } catch (error) {
    throw new FieldError("min, max, step", (error as RangeError).message, range);
  }
}
