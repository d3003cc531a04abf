/** Which words of a value a map holds, and where. */

import type { MapSpec } from "./spec.js";
import { wordsOf } from "./spec.js";

/** Position of each value word among the held ones, -1 for those not held. Throws a `RangeError` on a bad word number. */
export function heldPositions(spec: MapSpec): Int32Array {
  const words = wordsOf(spec.valueSize);
  if (spec.storedWords === undefined) return Int32Array.from({ length: words }, (_, i) => i);
  const positions = new Int32Array(words).fill(-1);
  spec.storedWords.forEach((word, i) => {
    if (!(Number.isInteger(word) && word >= 0 && word < words)) {
      throw new RangeError(`${spec.name}: stored word ${word} is outside a value of ${words} words`);
    }
    positions[word] = i;
  });
  return positions;
}

/** Number of value words that a map holds. */
export function heldWordCount(spec: MapSpec): number {
  return spec.storedWords?.length ?? wordsOf(spec.valueSize);
}
