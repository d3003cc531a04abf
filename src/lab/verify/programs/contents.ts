/**
 * Complete contents of the four maps that the recordings follow: what they must be after each step, and what they are.
 * An element is one line of text, so that two contents are compared as maps from key text to value text.
 */

import type { CiliumMaps } from "../../../cilium/maps.js";
import { IPV4_WORDS } from "../../../cilium/maps/address.js";
import type { CtMap } from "../../../cilium/maps/ct-map.js";
import { tupleWords } from "../../../cilium/maps/tuple.js";
import type { Difference } from "../case.js";
import { affinityFields, ctEntryFields, forEachElement, keyOf, natEntryFields } from "../map-entries.js";
import type { RecordedKey, RecordedMap } from "./vectors.js";

/** Values by map and key, as text. */
export type Contents = Map<string, string>;

/** Fields and flags in a fixed order, whatever the order in the file. Written by hand: a replay writes all elements after each step. */
function sorted(value: object): string {
  const fields = value as Readonly<Record<string, unknown>>;
  let text = "";
  for (const name of Object.keys(fields).sort()) {
    const field = fields[name];
    if (field === undefined) continue;
    const written = typeof field === "number" ? `${field}` : JSON.stringify(Array.isArray(field) && field.length > 1 ? [...field].sort() : field);
    text += `${text === "" ? "" : ","}"${name}":${written}`;
  }
  return `{${text}}`;
}

export function keyText(map: RecordedMap, key: RecordedKey): string {
  return `${map} ${sorted(key)}`;
}

export function valueText(value: object): string {
  return sorted(value);
}

/** What the maps hold now. */
export function readContents(maps: CiliumMaps): Contents {
  const contents: Contents = new Map();
  const family = maps.family(IPV4_WORDS);
  const readCt = (name: RecordedMap, ct: CtMap): void =>
    forEachElement(ct.map, tupleWords(IPV4_WORDS), (key, slot) => {
      contents.set(`${name} ${sorted(keyOf(key, IPV4_WORDS))}`, sorted(ctEntryFields(ct, slot)));
    });
  readCt("ct4_global", family.ctGlobal);
  readCt("ct_any4_global", family.ctAnyGlobal);
  const nat = family.snatExternal;
  forEachElement(nat.map, tupleWords(IPV4_WORDS), (key, slot) => {
    contents.set(`snat_v4_external ${sorted(keyOf(key, IPV4_WORDS))}`, sorted(natEntryFields(nat, slot)));
  });
  const { affinity } = family;
  forEachElement(affinity.map, affinity.key.length, (row, slot) => {
    const { key, entry } = affinityFields(affinity, row, slot);
    contents.set(`lb4_affinity ${sorted(key)}`, sorted(entry));
  });
  return contents;
}

/** First key whose value differs, in text order. */
export function differenceOfContents(where: string, expected: Contents, actual: Contents): Difference | undefined {
  const differing: string[] = [];
  for (const [key, value] of expected) if (actual.get(key) !== value) differing.push(key);
  for (const key of actual.keys()) if (!expected.has(key)) differing.push(key);
  if (differing.length === 0) return undefined;
  const first = differing.sort()[0]!;
  return { where: `${where} ${first}`, expected: expected.get(first) ?? "no such entry", actual: actual.get(first) ?? "no such entry" };
}
