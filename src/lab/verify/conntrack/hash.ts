/** Kind `hash`: the three-word hash of Maglev. */

import { jhash3 } from "../../../cilium/datapath/hash.js";
import type { Difference } from "../case.js";
import { firstDifference } from "../compare.js";
import type { HashVector } from "./shapes.js";

export function compareHash(vector: HashVector): Difference | undefined {
  for (const [i, { words, seed, expect }] of vector.cases.entries()) {
    const difference = firstDifference(`case ${i}`, expect, jhash3(words[0], words[1], words[2], seed) >>> 0);
    if (difference !== undefined) return difference;
  }
  return undefined;
}
