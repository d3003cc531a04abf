/** `ctlab verify map-create FILE…`: which maps a kernel creates for root, and the error for those it refuses. */

import { checkMap } from "../../bpf/create-checks.js";
import { Errno, errnoName } from "../../bpf/errno.js";
import type { MapHost, MapSpec, MapType } from "../../bpf/spec.js";
import { failed, passed } from "./case.js";
import type { CaseOutcome, Verifier } from "./case.js";
import { FieldError, numberOf, onlyFields, textOf } from "./fields.js";
import type { Fields } from "./fields.js";
import { eachItem, parseList } from "./list-file.js";

const FIELDS = ["title", "type", "keySize", "valueSize", "maxEntries", "flags", "errno"] as const;
/** The recording machine had two CPUs; the number only matters for rounding up. */
const HOST: MapHost = { possibleCpus: 2, refill: "scaled" };

export const verifyMapCreate: Verifier = function* (file) {
  yield* eachItem(parseList(file), describe, compareCreation);
};

function describe(each: Fields, index: number): string {
  const words = FIELDS.slice(1, -1).map((field) => `${field} ${String(each[field])}`);
  return `${index + 1}: ${typeof each["title"] === "string" ? each["title"] : words.join(", ")}`;
}

function compareCreation(each: Fields, id: string): CaseOutcome {
  onlyFields(each, FIELDS);
  if (each["title"] !== undefined) textOf(each, "title");
  const spec: MapSpec = {
    name: id,
    type: countOf(each, "type") as MapType,
    keySize: countOf(each, "keySize"),
    valueSize: countOf(each, "valueSize"),
    maxEntries: countOf(each, "maxEntries"),
    flags: countOf(each, "flags"),
  };
  const expected = numberOf(each, "errno");
  const actual = checkMap(spec, HOST);
  return actual === expected ? passed(id) : failed(id, "errno", show(expected), show(actual));
}

function countOf(each: Fields, field: string): number {
  const value = numberOf(each, field);
  if (!Number.isInteger(value) || value < 0) throw new FieldError(field, "a whole number", value);
  return value;
}

function show(errno: number): string {
  return errno === 0 ? "created" : errno >= -Errno.ENOTSUPP ? errnoName(errno) : String(errno);
}
