/** `ctlab verify map-size`: the sizes that the agent gives its maps on a node. */

import { mapSizes } from "../../cilium/agent/map-size.js";
import type { DynamicMap, MapSizes } from "../../cilium/agent/map-size.js";
import { ciliumProfile } from "../../cilium/profile/cilium.js";
import type { SizeFacts } from "../../cilium/profile/cilium-profile.js";
import { failed, passed } from "./case.js";
import type { CaseOutcome, Verifier } from "./case.js";
import {
  FieldError,
  eachCase,
  fieldsOf,
  guarded,
  listOf,
  numberOf,
  onlyFields,
  parseVectors,
  textOf,
  truthOf,
  unknownSections,
} from "./fields.js";
import type { Fields } from "./fields.js";

/** Words only. */
const INFORMATION = ["title", "notes"];
/** The file's names of our maps. */
const MAPS: Readonly<Record<string, DynamicMap>> = { tcp: "ctTcp", any: "ctAny", nat: "nat", neigh: "neigh", sockrev: "sockRev" };
const ELEMENTS = { ct: "ct", nat: "nat", neigh: "neigh", sockrev: "sockRev" } as const;
/** The one thing that the file notes about a size. */
const CAPPED = "nat capped to two thirds of tcp+any";

/** Sizing is the same in all versions but for rounding, which a case switches on by itself. */
const FACTS: SizeFacts = ciliumProfile("1.19").sizes;

export const verifyMapSize: Verifier = function* verifyMapSize(file) {
  const root = parseVectors(file, ["cases"]);
  if ("constants" in root) yield guarded("constants", () => constants(fieldsOf(root, "constants")));
  yield* eachCase(root, "cases", (each, i) => String(each["name"] ?? `case ${i}`), sizes);
  yield* unknownSections(root, ["cases", "constants", ...INFORMATION]);
};

function constants(recorded: Fields): CaseOutcome {
  const id = "constants";
  // element sizes are an input of every case
  onlyFields(recorded, ["defaults", "auto_min", "limit_min", "limit_max", "production_element_bytes"]);
  const ours: Fields = {
    defaults: {
      tcp: FACTS.ctTcpEntriesDefault,
      any: FACTS.ctAnyEntriesDefault,
      nat: FACTS.natEntriesDefault,
      neigh: FACTS.neighEntriesDefault,
      sockrev: FACTS.sockRevEntriesDefault,
    },
    auto_min: {
      tcp: FACTS.dynamicFloors.ctTcp,
      any: FACTS.dynamicFloors.ctAny,
      nat: FACTS.dynamicFloors.nat,
      sockrev: FACTS.dynamicFloors.sockRev,
    },
    limit_min: FACTS.entriesMin,
    limit_max: FACTS.entriesMax,
  };
  for (const [name, value] of Object.entries(ours)) {
    if (name in recorded && JSON.stringify(recorded[name]) !== JSON.stringify(value)) {
      return failed(id, name, recorded[name], value);
    }
  }
  return passed(id);
}

function sizes(each: Fields, id: string): CaseOutcome {
  const inputs = ["total_memory_bytes", "ratio", "explicit", "element_bytes", "distributed_lru", "possible_cpus"];
  onlyFields(each, ["name", "source", "expect", ...inputs]);
  const expected = fieldsOf(each, "expect");
  onlyFields(expected, [...Object.keys(MAPS), "notes", "error"]);
  const result = calculated(each);
  for (const [name, map] of Object.entries(MAPS)) {
    const wanted = numberOf(expected, name);
    const actual = result.sizes[map].entries;
    if (actual !== wanted) return failed(id, name, wanted, actual);
  }
  const notes = notesOf(result);
  if (JSON.stringify(listOf(expected, "notes")) !== JSON.stringify(notes)) return failed(id, "notes", expected["notes"], notes);
  const error = result.refusal?.rule ?? null;
  if (expected["error"] !== null) textOf(expected, "error");
  return error === expected["error"] ? passed(id, 1) : failed(id, "error", expected["error"], error);
}

function calculated(each: Fields): MapSizes {
  const explicit = fieldsOf(each, "explicit");
  onlyFields(explicit, Object.keys(MAPS));
  const set = (name: string): number | null => (name in explicit ? numberOf(explicit, name) : null);
  const elements = fieldsOf(each, "element_bytes");
  onlyFields(elements, Object.keys(ELEMENTS));
  const elementBytes = Object.fromEntries(
    Object.entries(ELEMENTS).map(([theirs, ours]) => [ours, numberOf(elements, theirs)]),
  ) as unknown as SizeFacts["elementBytes"];
  const cpus = numberOf(each, "possible_cpus");
  if (!(Number.isInteger(cpus) && cpus > 0)) throw new FieldError("possible_cpus", "a number of CPUs", cpus);
  return mapSizes({
    totalMemoryBytes: numberOf(each, "total_memory_bytes"),
    ratio: numberOf(each, "ratio"),
    explicit: { ctTcp: set("tcp"), ctAny: set("any"), nat: set("nat"), neigh: set("neigh"), sockRev: set("sockrev") },
    auth: FACTS.authEntriesDefault,
    fragments: FACTS.fragmentsEntriesDefault,
    roundToCpus: truthOf(each, "distributed_lru") ? cpus : 1,
    facts: { ...FACTS, elementBytes },
  });
}

/** The agent warns when it caps an automatic NAT size; raising no voice over its own default is the check's way. */
function notesOf(result: MapSizes): string[] {
  const { origin } = result.sizes.nat;
  const capped = origin.kind === "two thirds of conntrack" && result.sizes.neigh.entries === result.sizes.nat.entries;
  return capped ? [CAPPED] : [];
}
