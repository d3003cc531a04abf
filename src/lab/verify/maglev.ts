/** `ctlab verify maglev`: hash, seed, permutation, tables, the datapath's look-up, and what a change of backends moves. */

import { createHash } from "node:crypto";
import { MAGLEV_TABLE_SIZES, decodeSeed, hashString, maglevTable, permutationOf } from "../../cilium/agent/maglev.js";
import type { HashStringForm, MaglevBackend, MaglevProtocol, MaglevSeed } from "../../cilium/agent/maglev.js";
import { disruptionBetween, slotsPerBackend } from "../../cilium/agent/maglev-figures.js";
import { murmur3 } from "../../cilium/agent/murmur3.js";
import { hashServiceTuple } from "../../cilium/datapath/hash.js";
import { parseAddress } from "../../cilium/maps/address.js";
import type { AddressWords } from "../../cilium/maps/address.js";
import { TUPLE_F_SERVICE, Tuple } from "../../cilium/maps/tuple.js";
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
  oneOf,
  onlyFields,
  parseVectors,
  textOf,
  truthOf,
  unknownSections,
} from "./fields.js";
import type { Fields } from "./fields.js";

const SECTIONS = ["murmur3_x64_128", "seed_decoding", "offset_skip", "tables", "lookups", "disruption"] as const;
/** Words only. */
const INFORMATION = ["title", "notes"];
const FORMS = ["plain", "bracketed-state"] as const;
const PROTOCOLS = ["TCP", "UDP", "SCTP", "ANY", "NONE"] as const;
const PROTOCOL_NUMBERS = { TCP: 6, UDP: 17, SCTP: 132 } as const;

export const verifyMaglev: Verifier = function* verifyMaglev(file) {
  const root = parseVectors(file, SECTIONS);
  if ("default_seed" in root) yield guarded("default seed", () => seedDecoding(fieldsOf(root, "default_seed"), "default seed"));
  if ("table_sizes_allowed" in root) yield guarded("table sizes", () => tableSizes(listOf(root, "table_sizes_allowed")));
  yield* eachCase(root, "murmur3_x64_128", (_, i) => `murmur3 ${i}`, murmur);
  yield* eachCase(root, "seed_decoding", (_, i) => `seed ${i}`, seedDecoding);
  yield* eachCase(root, "offset_skip", (_, i) => `permutation ${i}`, permutation);
  yield* eachCase(root, "tables", (each, i) => `table ${String(each["name"] ?? i)}`, table);
  yield* eachCase(root, "lookups", (_, i) => `look-up ${i}`, lookup);
  yield* eachCase(root, "disruption", (each, i) => `disruption ${String(each["name"] ?? i)}`, disruption);
  yield* unknownSections(root, [...SECTIONS, "default_seed", "table_sizes_allowed", ...INFORMATION]);
};

function tableSizes(recorded: readonly unknown[]): CaseOutcome {
  const ours = JSON.stringify(MAGLEV_TABLE_SIZES);
  return JSON.stringify(recorded) === ours ? passed("table sizes") : failed("table sizes", "sizes", recorded, ours);
}

function murmur(each: Fields, id: string): CaseOutcome {
  onlyFields(each, ["seed", "input", "h1", "h2", "source"]);
  const { h1, h2 } = murmur3(textOf(each, "input"), numberOf(each, "seed"));
  return compare(id, each, { h1: hex(h1), h2: hex(h2) });
}

function hex(half: bigint): string {
  return `0x${half.toString(16).padStart(16, "0")}`;
}

function seedDecoding(each: Fields, id: string): CaseOutcome {
  onlyFields(each, ["seed", "ok", "murmur", "jhash_v4", "jhash_v6", "why"]);
  const decoded = decodeSeed(textOf(each, "seed"));
  const ok = truthOf(each, "ok");
  if (typeof decoded === "string") {
    if (ok) return failed(id, "ok", true, decoded);
    return "why" in each ? compare(id, each, { why: decoded }) : passed(id, 1);
  }
  if (!ok) return failed(id, "ok", false, true);
  return compare(id, each, { murmur: decoded.murmur, jhash_v4: decoded.jhash4, jhash_v6: decoded.jhash6 });
}

function permutation(each: Fields, id: string): CaseOutcome {
  onlyFields(each, ["addr", "port", "proto", "hash_string_form", "hash_string", "seed", "table_size", "offset", "skip"]);
  const backend: MaglevBackend = {
    address: textOf(each, "addr"),
    port: numberOf(each, "port"),
    protocol: oneOf(each, "proto", PROTOCOLS),
    id: 1,
    weight: 1,
  };
  const text = hashString(backend, oneOf(each, "hash_string_form", FORMS));
  const { offset, skip } = permutationOf(text, seedOf(each).murmur, sizeOf(each));
  return compare(id, each, { hash_string: text, offset, skip });
}

function table(each: Fields, id: string): CaseOutcome {
  onlyFields(each, [
    "name",
    "source",
    "table_size",
    "seed",
    "hash_string_form",
    "backends",
    "backends_generated",
    "expect",
  ]);
  const built = tableOf(each, backendsOf(each), oneOf(each, "hash_string_form", FORMS));
  const expected = fieldsOf(each, "expect");
  onlyFields(expected, ["sha256_u32le", "first32", "last8", "slots_per_id", "rle"]);
  const actual: Record<string, unknown> = {
    sha256_u32le: sha256(built),
    first32: [...built.subarray(0, 32)],
    last8: [...built.subarray(-8)],
    slots_per_id: slotCounts(built, fieldsOf(expected, "slots_per_id")),
  };
  if ("rle" in expected) actual["rle"] = runs(built);
  return compare(id, expected, actual);
}

function tableOf(each: Fields, backends: readonly MaglevBackend[], form: HashStringForm): Int32Array {
  return maglevTable(backends, { tableSize: sizeOf(each), seed: seedOf(each), form });
}

/** Slots of each id, or in the file's short form the smallest and largest count and how many ids there are. */
function slotCounts(ids: Int32Array, expected: Fields): Fields {
  const slots = slotsPerBackend(ids);
  if (!("distinct" in expected)) return Object.fromEntries(slots);
  const counts = [...slots.values()];
  return { min: Math.min(...counts), max: Math.max(...counts), distinct: counts.length };
}

function sha256(ids: Int32Array): string {
  const bytes = Buffer.alloc(ids.length * 4);
  for (const [i, id] of ids.entries()) bytes.writeInt32LE(id, i * 4);
  return createHash("sha256").update(bytes).digest("hex");
}

/** id(run length), … from slot 0. */
function runs(ids: Int32Array): string {
  const parts: string[] = [];
  for (let from = 0; from < ids.length; ) {
    let to = from;
    while (to < ids.length && ids[to] === ids[from]) to++;
    parts.push(`${ids[from]}(${to - from})`);
    from = to;
  }
  return parts.join(",");
}

function lookup(each: Fields, id: string): CaseOutcome {
  onlyFields(each, [
    "family",
    "client_addr",
    "client_port",
    "service_port",
    "proto",
    "session_affinity",
    "seed",
    "table_size",
    "hash",
    "slot",
  ]);
  const family = oneOf(each, "family", ["ipv4", "ipv6"]);
  const client = parseAddress(textOf(each, "client_addr"));
  if (client?.length !== (family === "ipv4" ? 1 : 4)) throw new FieldError("client_addr", family, each["client_addr"]);
  const seed = seedOf(each);
  const tuple = new Tuple();
  tuple.addressWords = client.length as AddressWords;
  tuple.setSaddr(Int32Array.from(client), 0);
  tuple.setPorts(numberOf(each, "client_port"), numberOf(each, "service_port"));
  tuple.setProtocolAndFlags(PROTOCOL_NUMBERS[oneOf(each, "proto", ["TCP", "UDP", "SCTP"])], TUPLE_F_SERVICE);
  const hash =
    hashServiceTuple(tuple, truthOf(each, "session_affinity"), family === "ipv4" ? seed.jhash4 : seed.jhash6) >>> 0;
  return compare(id, each, { hash, slot: hash % sizeOf(each) });
}

function disruption(each: Fields, id: string): CaseOutcome {
  onlyFields(each, [
    "name",
    "table_size",
    "seed",
    "hash_string_form",
    "backends",
    "backends_generated",
    "removed_ids",
    "slots_of_removed",
    "slots_moved_between_survivors",
    "moved_percent_of_table",
  ]);
  const form = "hash_string_form" in each ? oneOf(each, "hash_string_form", FORMS) : "bracketed-state";
  const backends = backendsOf(each);
  const removed = listOf(each, "removed_ids");
  const before = tableOf(each, backends, form);
  const after = tableOf(each, backends.filter((backend) => !removed.includes(backend.id)), form);
  const figures = disruptionBetween(before, after);
  return compare(id, each, {
    slots_of_removed: figures.slotsOfRemoved,
    slots_moved_between_survivors: figures.slotsMovedBetweenSurvivors,
    moved_percent_of_table: Math.round(figures.movedShare * 1e6) / 1e4,
  });
}

function seedOf(each: Fields): MaglevSeed {
  const decoded = decodeSeed(textOf(each, "seed"));
  if (typeof decoded === "string") throw new FieldError("seed", "a usable seed", decoded);
  return decoded;
}

function sizeOf(each: Fields): number {
  return MAGLEV_TABLE_SIZES.find((size) => size === each["table_size"]) ?? reject("table_size", "an allowed size", each["table_size"]);
}

function reject(field: string, wanted: string, found: unknown): never {
  throw new FieldError(field, wanted, found);
}

/** Backends as listed, or as generated from a first address. */
function backendsOf(each: Fields): readonly MaglevBackend[] {
  if ("backends" in each === "backends_generated" in each) throw new FieldError("backends", "one list of backends", null);
  if ("backends" in each) return listOf(each, "backends").map(backendOf);
  const generated = fieldsOf(each, "backends_generated");
  onlyFields(generated, ["first_addr", "count", "port", "proto", "weight", "first_id"]);
  const first = textOf(generated, "first_addr").split(".").map(Number);
  const number = first.reduce((total, byte) => total * 256 + byte, 0);
  return Array.from({ length: numberOf(generated, "count") }, (_, i) => ({
    address: [24, 16, 8, 0].map((shift) => ((number + i) >>> shift) & 255).join("."),
    port: numberOf(generated, "port"),
    protocol: oneOf(generated, "proto", PROTOCOLS),
    id: numberOf(generated, "first_id") + i,
    weight: numberOf(generated, "weight"),
  }));
}

function backendOf(entry: unknown): MaglevBackend {
  if (!isFields(entry)) throw new FieldError("backends", "objects", entry);
  onlyFields(entry, ["ip", "port", "proto", "id", "weight", "internal", "cluster_id"]);
  const protocol: MaglevProtocol = oneOf(entry, "proto", PROTOCOLS);
  const base = { address: textOf(entry, "ip"), port: numberOf(entry, "port"), protocol };
  return {
    ...base,
    id: numberOf(entry, "id"),
    weight: numberOf(entry, "weight"),
    ...("internal" in entry ? { internal: truthOf(entry, "internal") } : {}),
    ...("cluster_id" in entry ? { clusterId: numberOf(entry, "cluster_id") } : {}),
  };
}

/** The first field in which the recorded and our values differ. */
function compare(id: string, expected: Fields, actual: Readonly<Record<string, unknown>>): CaseOutcome {
  for (const [field, value] of Object.entries(actual)) {
    if (JSON.stringify(expected[field]) !== JSON.stringify(value)) return failed(id, field, expected[field] ?? null, value);
  }
  return passed(id, 1);
}
