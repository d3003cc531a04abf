/** `ctlab verify jhash FILE…`: the kernel's key hash with seed 0, as function and as the tables use it. */

import { createMap } from "../../bpf/create.js";
import { HashTable } from "../../bpf/hash-table.js";
import { jhash } from "../../bpf/jhash.js";
import { MapFlag, MapType, UpdateFlag, wordsOf } from "../../bpf/spec.js";
import { failed, passed } from "./case.js";
import type { CaseOutcome, Verifier } from "./case.js";
import { FieldError, numberOf, onlyFields, textOf } from "./fields.js";
import type { Fields } from "./fields.js";
import { eachItem, parseList } from "./list-file.js";

const FIELDS = ["keySize", "key", "hash"] as const;
/** Longest key that is taken: far above any map's. */
const KEY_BYTES_MAX = 65_536;

export const verifyJhash: Verifier = function* (file) {
  yield* eachItem(parseList(file), (each, i) => `key ${i + 1} (${String(each["key"])})`, compareHash);
};

function compareHash(each: Fields, id: string): CaseOutcome {
  onlyFields(each, FIELDS);
  const keySize = numberOf(each, "keySize");
  const expected = numberOf(each, "hash");
  const key = keyWords(textOf(each, "key"), keySize, each["key"]);
  const direct = jhash(key, 0, keySize, 0) >>> 0;
  if (direct !== expected) return failed(id, "hash", expected, direct);
  const stored = hashInTable(key, keySize);
  return stored === expected ? passed(id) : failed(id, "hash in a table", expected, stored);
}

function keyWords(text: string, keySize: number, found: unknown): Int32Array {
  const wellFormed =
    Number.isInteger(keySize) && keySize > 0 && keySize <= KEY_BYTES_MAX && /^(?:[0-9a-f]{2})+$/i.test(text);
  if (!wellFormed || text.length !== 2 * keySize) throw new FieldError("key", `${keySize} bytes in hexadecimal`, found);
  const words = new Int32Array(wordsOf(keySize));
  new Uint8Array(words.buffer).set(Buffer.from(text, "hex"));
  return words;
}

function hashInTable(key: Int32Array, keySize: number): number {
  const spec = { name: "jhash", type: MapType.hash, keySize, valueSize: 4, maxEntries: 1, flags: MapFlag.zeroSeed };
  const map = createMap(spec, { possibleCpus: 1, refill: "scaled" }) as HashTable;
  return map.hashOf(map.update(key, 0, UpdateFlag.any, 0)) >>> 0;
}
