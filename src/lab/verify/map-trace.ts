/**
 * The recorded form of map operations and their results: one JSON object a line, one trace an object. Reads and checks
 * a line; makes the keys that a trace names by number.
 *
 * Traces of arrays, LPM tries and maps of maps are an addition of ctlab's own live runs to the form that kernels were
 * recorded in; only their keys differ (see `fillKey`).
 */

import { MapType, wordsOf } from "../../bpf/spec.js";
import type { MapSpec, RefillTarget } from "../../bpf/spec.js";

/** Operation codes of a trace. */
export const TraceOp = {
  userUpdate: 1,
  userUpdateNoExist: 2,
  userUpdateExist: 3,
  userLookup: 4,
  userDelete: 5,
  userLookupAndDelete: 6,
  nextKey: 7,
  firstKey: 8,
  programUpdate: 9,
  programUpdateNoExist: 10,
  programUpdateExist: 11,
  programLookup: 12,
  programDelete: 13,
  setCpu: 14,
  checkpoint: 15,
  lookupBatches: 16,
  userUpdateBadFlags: 17,
  lookupAndDeleteBatch: 18,
} as const;
export type TraceOp = (typeof TraceOp)[keyof typeof TraceOp];

const OP_NAMES: readonly string[] = [
  "",
  "update",
  "update NOEXIST",
  "update EXIST",
  "lookup",
  "delete",
  "lookup and delete",
  "next key",
  "first key",
  "program update",
  "program update NOEXIST",
  "program update EXIST",
  "program lookup",
  "program delete",
  "set CPU",
  "checkpoint",
  "lookup batches",
  "update with flags 3",
  "lookup-and-delete batch",
];

/** What an operation code does, for messages; undefined for a code that no trace has. */
export function opName(code: number): string | undefined {
  return code > 0 ? OP_NAMES[code] : undefined;
}

/** A result: a number, or for walks arrays of them, or a digest of a long checkpoint. */
export type TraceResult = number | readonly TraceValue[] | Digest;
/** Part of a result: a value (an array of one number for each CPU on per-CPU types), a key, or one batch call. */
export type TraceValue = number | readonly number[];

/** Stands for a checkpoint of many entries. */
export interface Digest {
  readonly n: number;
  readonly sha256: string;
}

/** One trace. */
export interface MapTrace {
  readonly id: string;
  readonly title?: string;
  readonly kernel: string;
  readonly ncpu: number;
  readonly freeTarget: RefillTarget;
  readonly map: Omit<MapSpec, "name" | "type"> & { readonly type: MapType };
  /** Limit that the kernel reported. */
  readonly effectiveMaxEntries: number;
  /** Bytes that the kernel reported for the empty map. */
  readonly memlock: number;
  /** How the operations were drawn; for information. */
  readonly workload?: unknown;
  /** Code, argument, code, argument … */
  readonly ops: readonly number[];
  readonly res: readonly TraceResult[];
  /** `[operation number, key, key …]` for each operation that evicted. */
  readonly evicted?: readonly (readonly number[])[];
}

const TRACE_FIELDS = new Set<string>([
  "id",
  "title",
  "kernel",
  "ncpu",
  "freeTarget",
  "map",
  "effectiveMaxEntries",
  "memlock",
  "workload",
  "ops",
  "res",
  "evicted",
]);
const MAP_FIELDS = new Set<string>(["type", "keySize", "valueSize", "maxEntries", "flags"]);

/** Why a line is no trace at all. */
export class NotATrace extends Error {
  override readonly name = "NotATrace";
}

/** Something in a trace that this program does not know; its case fails. */
export interface NotUnderstood {
  readonly id: string;
  readonly where: string;
  readonly found: string;
}

/** Most CPUs that Linux can be built for on x86-64: NR_CPUS. */
const CPUS_MAX = 8192;

/** Reads one line. Throws `NotATrace` when it is damaged or something else altogether. */
export function parseTrace(line: string): MapTrace | NotUnderstood {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new NotATrace(`not a JSON object: ${(error as Error).message}`);
  }
  if (!isObject(value)) throw new NotATrace("not a JSON object");
  if (typeof value["id"] !== "string") throw new NotATrace('not a map trace: no text "id"');
  const id = value["id"];
  for (const field of ["ncpu", "effectiveMaxEntries", "memlock"]) requireCount(value, field);
  for (const field of ["ops", "res"]) requireArray(value, field);
  const map = value["map"];
  if (!isObject(map)) throw new NotATrace('not a map trace: no object "map"');
  for (const field of MAP_FIELDS) requireCount(map, field);
  if (typeof value["kernel"] !== "string") throw new NotATrace('not a map trace: no text "kernel"');
  if (!/^\d+\.\d+/.test(value["kernel"])) throw new NotATrace(`not a map trace: "kernel" is no release: ${JSON.stringify(value["kernel"])}`);
  const ops = value["ops"] as unknown[];
  if (ops.some((n) => !isCount(n))) throw new NotATrace('"ops" holds something other than whole numbers');
  if (ops.length !== 2 * (value["res"] as unknown[]).length) {
    throw new NotATrace(`${ops.length} numbers in "ops" for ${(value["res"] as unknown[]).length} results in "res"`);
  }
  return notUnderstood(id, value, map) ?? (value as unknown as MapTrace);
}

/** Whether a parsed line could not be understood. */
export function isNotUnderstood(trace: MapTrace | NotUnderstood): trace is NotUnderstood {
  return "found" in trace;
}

function notUnderstood(
  id: string,
  trace: Record<string, unknown>,
  map: Record<string, unknown>,
): NotUnderstood | undefined {
  for (const field of Object.keys(trace)) {
    if (!TRACE_FIELDS.has(field)) return { id, where: `field ${field}`, found: "unknown field" };
  }
  for (const field of Object.keys(map)) {
    if (!MAP_FIELDS.has(field)) return { id, where: `field map.${field}`, found: "unknown field" };
  }
  if (trace["freeTarget"] !== "fixed" && trace["freeTarget"] !== "scaled") {
    return { id, where: "field freeTarget", found: `unknown refill target ${JSON.stringify(trace["freeTarget"])}` };
  }
  const cpus = trace["ncpu"] as number;
  if (cpus < 1 || cpus > CPUS_MAX) return { id, where: "field ncpu", found: `${cpus} CPUs` };
  if (!(Object.values(MapType) as number[]).includes(map["type"] as number)) {
    return { id, where: "field map.type", found: `unknown map type ${String(map["type"])}` };
  }
  if (trace["evicted"] !== undefined && !Array.isArray(trace["evicted"])) {
    return { id, where: "field evicted", found: "not an array" };
  }
  const ops = trace["ops"] as readonly number[];
  for (let i = 0; i < ops.length; i += 2) {
    if (opName(ops[i]!) === undefined) return { id, where: `op ${i / 2 + 1}`, found: `unknown op code ${ops[i]!}` };
    if (ops[i] === TraceOp.setCpu && ops[i + 1]! >= cpus) {
      return { id, where: `op ${i / 2 + 1}`, found: `CPU ${ops[i + 1]!} of ${cpus}` };
    }
  }
  return undefined;
}

/** The specification of a trace's map. */
export function specOf(trace: MapTrace): MapSpec {
  return { name: trace.id, ...trace.map };
}

/**
 * Writes the key with number `id` into `key`, which has as many words as the map's keys.
 *
 * Hash types: word j is `fmix(id + j * 0x9e3779b9)`, cut to the key size. Arrays: the number itself. Tries: prefix
 * length and data are taken apart from the number, such that prefixes nest and part at every depth.
 */
export function fillKey(id: number, type: MapType, keySize: number, key: Int32Array): void {
  const words = wordsOf(keySize);
  if (type === MapType.array || type === MapType.arrayOfMaps) {
    key[0] = id;
    return;
  }
  for (let j = 0; j < words; j++) key[j] = finalMix(id + Math.imul(j, GOLDEN));
  if (type === MapType.lpmTrie) fillTrieKey(id, keySize, key);
  const bytesInLast = keySize % 4;
  if (bytesInLast !== 0) key[words - 1]! &= (1 << (8 * bytesInLast)) - 1;
}

const GOLDEN = 0x9e3779b9;
/** Data of trie keys before the one bit that tells patterns apart. */
const TRIE_DATA = 0x0a01a8c0;

/** Number = pattern × prefix lengths + prefix length; pattern p > 0 flips one bit of the common data, at a mixed place. */
function fillTrieKey(id: number, keySize: number, key: Int32Array): void {
  const bits = (keySize - 4) * 8;
  const prefix = id % (bits + 1);
  const pattern = Math.floor(id / (bits + 1));
  key[0] = prefix;
  for (let j = 1; j < key.length; j++) key[j] = Math.imul(TRIE_DATA, j);
  if (pattern === 0) return;
  const bit = (finalMix(pattern) >>> 0) % bits;
  const byte = bit >>> 3;
  key[1 + (byte >>> 2)]! ^= 1 << ((byte & 3) * 8 + 7 - (bit & 7));
}

/** The 32-bit finaliser of MurmurHash3. */
function finalMix(value: number): number {
  let h = value | 0;
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function requireCount(object: Record<string, unknown>, field: string): void {
  if (!isCount(object[field])) throw new NotATrace(`not a map trace: "${field}" is not a whole number`);
}

function requireArray(object: Record<string, unknown>, field: string): void {
  if (!Array.isArray(object[field])) throw new NotATrace(`not a map trace: no array "${field}"`);
}
