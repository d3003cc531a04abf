/**
 * One size of bench/maps.mjs, in a process of its own so that no size finds code compiled for what another one did:
 *
 *     node bench/map-size.mjs ENTRIES ROUNDS BATCHES        prints { missing, loop, memory, figures } as JSON
 */
import { median } from "./core-tables.mjs";
import { randomKeys, sequentialKeys, shuffledKeys } from "./map-keys.mjs";
import { KernelSide, ModelSide, PlainSide } from "./map-sides.mjs";
import { MapType } from "../dist/bpf/spec.js";
import { ctStoredWords } from "../dist/cilium/maps/ct-map.js";
import { hostOf, inspectMachine } from "../dist/lab/live/machine.js";
import { isUnavailable, openKernel } from "../dist/lab/live/syscall.js";
import { BATCH_KEYS, BATCH_KEY_WORDS } from "../dist/lab/live/timing.js";

/** A JavaScript Map holds 2^24 elements at most, and takes a quarter of an hour to fill and empty with them. */
const PLAIN_MAX = 2_097_152;
/** Deleting the oldest key of a JavaScript Map takes up to 0.1 ms. */
const PLAIN_EVICTING_BATCHES = 1;
/** Walks of the model in a round: one alone takes a millisecond or less. */
const MODEL_WALKS = 9;

/** Fills the sides, measures operation by operation in rounds. */
class SizeRun {
  constructor(maxEntries, rounds, batches, keys) {
    this.maxEntries = maxEntries;
    this.rounds = rounds;
    this.batches = batches;
    this.keys = keys;
    /** By label and side: a figure for each round. */
    this.figures = {};
  }

  /** Measures these sides beside one another. */
  run(sides) {
    this.sides = sides;
    // First of the numbers of keys that have never been in the map, and of those that never will be.
    this.nextNew = this.maxEntries;
    this.never = this.maxEntries * 32;
    const half = this.maxEntries / 2;
    this.insertAll(0, half);
    for (let round = -1; round < this.rounds; round++) this.halfFull(round, half);
    this.insertAll(this.nextNew, half + BATCH_KEYS);
    this.nextNew += half + BATCH_KEYS;
    for (let round = -1; round < this.rounds; round++) {
      const first = this.nextNew;
      this.nextNew += this.batches * BATCH_KEYS;
      this.measure(round, "evicting insert", "update", this.batches, (_, i) => sequentialKeys(this.keys, first + i * BATCH_KEYS), BATCH_KEYS);
    }
    for (let round = -1; round < this.rounds; round++) this.walks(round);
  }

  halfFull(round, half) {
    const present = (batch) => randomKeys(this.keys, 0, half, batch);
    this.measure(round, "loop", "read", this.batches, present);
    this.measure(round, "hit", "lookup", this.batches, present, BATCH_KEYS);
    this.measure(round, "hit, any map", "lookupByField", this.batches, present, BATCH_KEYS, "model");
    this.measure(round, "miss", "lookup", this.batches, (batch) => randomKeys(this.keys, this.never, half, batch), 0);
    const batches = Math.min(this.batches, half / 2 / BATCH_KEYS);
    const count = batches * BATCH_KEYS;
    const first = this.nextNew;
    this.nextNew += count;
    this.measure(round, "insert", "update", batches, (_, i) => sequentialKeys(this.keys, first + i * BATCH_KEYS), BATCH_KEYS);
    this.measure(round, "delete", "remove", batches, (_, i) => shuffledKeys(this.keys, first, count, i), BATCH_KEYS);
  }

  insertAll(first, count) {
    for (let at = first; at < first + count; at += BATCH_KEYS) {
      sequentialKeys(this.keys, at);
      for (const side of this.sides) side.insertAll(this.keys);
    }
  }

  /** One round of one operation on each side, or on one only. Round -1 warms up. */
  measure(round, label, operation, batches, makeKeys, expected, only) {
    for (const side of this.sides) {
      if (only !== undefined && side.name !== only) continue;
      const times = [];
      const limit = side.name === "plain" && label === "evicting insert" ? PLAIN_EVICTING_BATCHES : batches;
      for (let i = 0; i < limit; i++) {
        makeKeys((round + 1) * batches + i, i);
        const { ns, done } = side.perform(operation, this.keys);
        if (expected !== undefined && done !== expected) throw new Error(`${side.name}, ${label}: ${done} of ${BATCH_KEYS}, expected ${expected}`);
        times.push(ns);
      }
      this.record(round, label, side.name, median(times));
    }
  }

  walks(round) {
    for (const side of this.sides) {
      if (side.name === "plain") continue;
      const walks = (first) => median(Array.from({ length: side.name === "model" ? MODEL_WALKS : 1 }, () => side.walk(first).ns));
      const first = walks(true);
      this.record(round, "GC walk, the first one", side.name, first);
      this.record(round, "GC walk", side.name, side.name === "model" ? walks(false) : first);
    }
  }

  record(round, label, side, ns) {
    if (round < 0) return;
    ((this.figures[label] ??= {})[side] ??= []).push(ns);
  }
}

const [maxEntries, rounds, batches] = process.argv.slice(2).map(Number);
const kernel = await openKernel();
const machine = isUnavailable(kernel) ? kernel : inspectMachine(kernel);
const missing = isUnavailable(machine) ? machine.message : null;
const host = missing === null ? hostOf(machine) : { possibleCpus: 2, refill: "scaled" };
const spec = { name: "ct4_global", type: MapType.lruHash, keySize: 14, valueSize: 56, maxEntries, flags: 0, storedWords: ctStoredWords("none", 0) };
const keys = new Int32Array(BATCH_KEYS * BATCH_KEY_WORDS);
const sides = [new ModelSide(spec, host, keys), ...(missing === null ? [new KernelSide(kernel, spec, host)] : [])];
const memory = Object.fromEntries(sides.map(({ name, bytesPerEntry }) => [name, bytesPerEntry]));
const sizeRun = new SizeRun(maxEntries, rounds, batches, keys);
sizeRun.run(sides);
for (const side of sides) side.close();
// By itself: collecting its garbage takes the second CPU and the memory from whatever else is measured.
if (maxEntries <= PLAIN_MAX) sizeRun.run([new PlainSide(maxEntries)]);
process.stdout.write(JSON.stringify({ missing, memory, figures: sizeRun.figures }));
