/**
 * A property test of one's own on ctlab's maps: what may a program rely on when its connection table is an LRU map?
 *
 *     npm run build && node examples/lru-property.mjs
 */
import fc from "fast-check";

import { MapType } from "ctlab";
import { TraceOp, describeHistory, mapHistories, modelOf } from "ctlab/arbitraries";

const OK = 0;
const lruHistories = mapHistories({ types: [MapType.lruHash] });

/** Performs a history and calls `check` after each operation with what it gave. */
function perform(history, check) {
  const model = modelOf(history);
  history.operations.forEach(({ code, argument }, i) => check(model, code, argument, model.run(code, argument, i + 1)));
}

/** Holds: an insert never fails and is there at once, and the map never outgrows its limit. */
function insertsAreKept(history) {
  perform(history, (model, code, argument, result) => {
    if (code === TraceOp.programUpdate) {
      if (result !== OK) throw new Error(`insert of key ${argument} failed: ${result}`);
      if (model.run(TraceOp.userLookup, argument, 0) < 0) throw new Error(`key ${argument} is gone after its insert`);
    }
    if (model.map.count > model.map.maxEntries) throw new Error("more entries than the limit");
  });
}

/** Does not hold, as the first example that fast-check finds shows: an LRU map can evict long before it is full. */
function evictsOnlyWhenFull(history) {
  let fullest = 0;
  perform(history, (model) => {
    fullest = Math.max(fullest, model.map.count);
    if (model.map.evictions > 0 && fullest < model.map.maxEntries) throw new Error("evicted, and never was full");
  });
}

fc.assert(fc.property(lruHistories, insertsAreKept));
console.log("inserts are kept: holds");

const { failed, counterexample } = fc.check(fc.property(lruHistories, evictsOnlyWhenFull), { seed: 1, numRuns: 1000 });
if (!failed) throw new Error("expected a counterexample");
console.log(`evicts only when full: does not hold\n${describeHistory(counterexample[0])}`);
