/** `ctlab verify gc-interval`: the GC interval as a pure step, as a full function, and over sequences of passes. */

import { GC_MAX_NS, GC_MIN_NS, GC_START_NS, GcSchedule, chooseInterval, nextInterval } from "../../cilium/agent/gc-interval.js";
import { failed, passed } from "./case.js";
import type { CaseOutcome, Verifier } from "./case.js";
import {
  FieldError,
  eachCase,
  fieldsOf,
  guarded,
  isFields,
  listOf,
  numberOf,
  numberOrNull,
  oneOf,
  onlyFields,
  parseVectors,
  textOf,
  truthOf,
  unknownSections,
} from "./fields.js";
import type { Fields } from "./fields.js";

const FORMS = ["oldest", "older", "newer"] as const;
const SECTIONS = ["calc", "get", "sequences"] as const;
/** Words only; nothing to compare. */
const INFORMATION = ["title", "units", "notes"];
const CONSTANTS: Fields = {
  starting_ns: GC_START_NS,
  min_ns: GC_MIN_NS,
  max_lru_ns: GC_MAX_NS,
  rounding_ns: 1_000_000_000,
};

export const verifyGcInterval: Verifier = function* verifyGcInterval(file) {
  const root = parseVectors(file, SECTIONS);
  if ("constants" in root) yield guarded("constants", () => constants(fieldsOf(root, "constants")));
  yield* eachCase(root, "calc", (_, i) => `calc ${i}`, calc);
  yield* eachCase(root, "get", (_, i) => `get ${i}`, get);
  yield* eachCase(root, "sequences", (each, i) => `sequence ${String(each["name"] ?? i)} (${String(each["form"])})`, sequence);
  yield* unknownSections(root, [...SECTIONS, "constants", ...INFORMATION]);
};

function constants(recorded: Fields): CaseOutcome {
  onlyFields(recorded, Object.keys(CONSTANTS));
  return compare("constants", "", Object.keys(recorded), recorded, CONSTANTS) ?? passed("constants");
}

function calc(each: Fields, id: string): CaseOutcome {
  onlyFields(each, ["prev_ns", "delete_ratio", "next_ns", "source"]);
  const next = nextInterval(numberOf(each, "prev_ns"), numberOf(each, "delete_ratio"));
  return compare(id, "", ["next_ns"], each, { next_ns: next }) ?? passed(id, 1);
}

function get(each: Fields, id: string): CaseOutcome {
  const outputs = ["adjusted_ratio", "next_ns", "cache_after_older_form_ns"];
  onlyFields(each, ["fixed_ns", "max_ns", "cached_ns", "actual_prev_ns", "delete_ratio", "source", ...outputs]);
  const choice = chooseInterval(
    { form: "older", fixed: numberOf(each, "fixed_ns"), max: numberOf(each, "max_ns") },
    numberOf(each, "cached_ns"),
    numberOf(each, "actual_prev_ns"),
    numberOf(each, "delete_ratio"),
  );
  const actual: Fields = {
    adjusted_ratio: choice.ratio,
    next_ns: choice.interval,
    cache_after_older_form_ns: choice.remembered,
  };
  return compare(id, "", outputs, each, actual) ?? passed(id, 1);
}

const PASS_INPUTS = ["start_ns", "delete_ratio", "full", "success", "duration_ns"];
const PASS_OUTPUTS = ["actual_prev_ns", "wait_ns", "next_timer_ns", "cache_after_ns"];

function sequence(each: Fields, id: string): CaseOutcome {
  onlyFields(each, ["name", "form", "fixed_ns", "max_ns", "passes", "source"]);
  textOf(each, "name");
  const schedule = new GcSchedule({
    form: oneOf(each, "form", FORMS),
    fixed: numberOf(each, "fixed_ns"),
    max: numberOf(each, "max_ns"),
  });
  const passes = listOf(each, "passes");
  if (passes.length === 0) throw new FieldError("passes", "at least one pass", passes);
  for (const [i, pass] of passes.entries()) {
    if (!isFields(pass)) throw new FieldError(`pass ${i}`, "an object", pass);
    onlyFields(pass, [...PASS_INPUTS, ...PASS_OUTPUTS]);
    const start = numberOf(pass, "start_ns");
    const end = start + numberOf(pass, "duration_ns");
    const actualPrevious = schedule.beginPass(start);
    const { wait } = schedule.endPass(end, {
      success: truthOf(pass, "success"),
      full: truthOf(pass, "full"),
      ratio: numberOf(pass, "delete_ratio"),
    });
    const actual: Fields = {
      actual_prev_ns: actualPrevious,
      wait_ns: wait,
      next_timer_ns: end + wait,
      cache_after_ns: schedule.remembered,
    };
    const difference = compare(id, `pass ${i} `, PASS_OUTPUTS, pass, actual);
    if (difference !== undefined) return difference;
  }
  return passed(id, passes.length);
}

/** First of these fields in which the recorded numbers and ours differ. */
function compare(id: string, where: string, fields: readonly string[], expected: Fields, actual: Fields): CaseOutcome | undefined {
  for (const field of fields) {
    const wanted = numberOrNull(expected, field);
    if (actual[field] !== wanted) return failed(id, where + field, wanted, actual[field]);
  }
  return undefined;
}
