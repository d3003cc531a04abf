/**
 * Map operations: the model of ct4_global, this machine's kernel for the same operations where that is allowed
 * (BPF_PROG_TEST_RUN; BPF_MAP_LOOKUP_BATCH for the walk), and a JavaScript Map with string keys, in one run.
 *
 * How the sides are made equal: a conntrack key (14 bytes in four words) and value (56 bytes, of which the model holds the
 * seven words that are ever written); the very same keys in the same order, made beforehand, 4096 at a time, and read from
 * one array; only those 4096 operations are timed, and what the loop takes that only reads the keys is taken off on each
 * side. Keys are uniformly random over what is in the map. A side's figure in a round is its median batch, so that what
 * else runs on the machine disturbs less; the table shows medians of five rounds, model and kernel in turn, then the
 * JavaScript Map.
 */
import { median } from "./core-tables.mjs";
import { randomKeys, sequentialKeys, shuffledKeys } from "./map-keys.mjs";
import { KernelSide, ModelSide, PlainSide } from "./map-sides.mjs";
import { MapType } from "../dist/bpf/spec.js";
import { ctStoredWords } from "../dist/cilium/maps/ct-map.js";
import { hostOf, inspectMachine } from "../dist/lab/live/machine.js";
import { isUnavailable, openKernel } from "../dist/lab/live/syscall.js";
import { BATCH_KEYS, BATCH_KEY_WORDS } from "../dist/lab/live/timing.js";

const SIZES = [262_144, 524_288, 1_048_576, 2_097_152, 16_777_216];
const SIZES_QUICK = [524_288];
/** A JavaScript Map holds 2^24 elements at most, and takes a quarter of an hour to fill and empty with them. */
const PLAIN_MAX = 2_097_152;
/** Batches of one round. */
const BATCHES = 64;
const BATCHES_QUICK = 32;
/** Deleting the oldest key of a JavaScript Map takes up to 0.1 ms. */
const PLAIN_EVICTING_BATCHES = 1;
/** Walks of the model in a round: one alone takes a millisecond or less. */
const MODEL_WALKS = 9;
/** Where the model should be at most, as a share of the kernel's time, and at which sizes. */
const GOALS = { hit: 0.7, miss: 0.7, insert: 0.7, "evicting insert": 0.7, "GC walk": 0.01, "GC walk, the first one": 0.01 };
const GOAL_SIZES = [524_288, 2_097_152];

export async function run({ quick }) {
  const kernel = await openKernel();
  const machine = isUnavailable(kernel) ? kernel : inspectMachine(kernel);
  const missing = isUnavailable(machine) ? machine.message : null;
  const host = missing === null ? hostOf(machine) : { possibleCpus: 2, refill: "scaled" };
  const rounds = quick ? 3 : 5;
  const results = [];
  for (const maxEntries of quick ? SIZES_QUICK : SIZES) {
    const spec = { name: "ct4_global", type: MapType.lruHash, keySize: 14, valueSize: 56, maxEntries, flags: 0, storedWords: ctStoredWords("none", false) };
    const sides = [new ModelSide(spec, host)];
    if (missing === null) sides.push(new KernelSide(kernel, spec, host));
    results.push(measure(maxEntries, sides, rounds, quick ? BATCHES_QUICK : BATCHES));
  }
  const notes = [
    `Medians of ${rounds} rounds; per round and side the median of ${quick ? BATCHES_QUICK : BATCHES} batches of ${BATCH_KEYS} operations (fewer where the map has no room for them).`,
    "hit, miss, insert, delete: the map is half full; evicting insert and GC walk: it is full. GC walk: per entry, nothing expired. The model's is the agent's walk as the simulator performs it; the first one of a map reads every lifetime, later ones know which blocks of entries can't hold an expired one. The kernel's is BPF_MAP_LOOKUP_BATCH with the agent's chunk, without what the agent does with what it gets.",
    "A JavaScript Map keeps no use bits: when full, its oldest key goes.",
    `Of the reading loop, taken off: ${results.map(({ loop }) => loop).at(-1)}.`,
    ...(missing === null ? [] : [`No kernel figures, that column is skipped: ${missing}.`]),
  ];
  return [
    {
      title: "LRU hash, 14-byte key, 56-byte value: ns per operation",
      columns: ["entries, operation", "model", "kernel", "model / kernel", "goal", "JS Map", "JS Map / model"],
      rows: results.flatMap(({ rows }) => rows),
      notes,
    },
    {
      title: "Memory of that map: bytes per entry, all told",
      columns: ["entries", "model", "kernel (memlock)", "model / kernel"],
      rows: results.map(({ memory }) => memory),
    },
  ];
}

function measure(maxEntries, sides, rounds, batches) {
  const plain = maxEntries <= PLAIN_MAX ? [new PlainSide(maxEntries)] : [];
  try {
    const result = new SizeRun(maxEntries, sides, rounds, batches);
    result.run(sides);
    // By itself: collecting its garbage takes the second CPU and the memory from whatever else is measured.
    result.run(plain);
    return result;
  } finally {
    for (const side of [...sides, ...plain]) side.close();
  }
}

/** One size: fills the sides, measures operation by operation in rounds. */
class SizeRun {
  constructor(maxEntries, sides, rounds, batches) {
    this.maxEntries = maxEntries;
    this.sides = sides;
    this.bytes = sides.map(({ bytesPerEntry }) => bytesPerEntry);
    this.rounds = rounds;
    this.batches = batches;
    this.keys = new Int32Array(BATCH_KEYS * BATCH_KEY_WORDS);
    this.figures = new Map();
  }

  /** Measures these sides beside one another. */
  run(sides) {
    this.sides = sides;
    /** First of the numbers of keys that have never been in the map, and of those that never will be. */
    this.nextNew = this.maxEntries;
    this.never = this.maxEntries * 32;
    const half = this.maxEntries / 2;
    this.insertAll(0, half);
    const insertBatches = Math.min(this.batches, half / 2 / BATCH_KEYS);
    for (let round = -1; round < this.rounds; round++) {
      this.round(round, "loop", "read", this.batches, (batch) => randomKeys(this.keys, 0, half, batch));
      this.round(round, "hit", "lookup", this.batches, (batch) => randomKeys(this.keys, 0, half, batch), BATCH_KEYS);
      this.round(round, "miss", "lookup", this.batches, (batch) => randomKeys(this.keys, this.never, half, batch), 0);
      const count = insertBatches * BATCH_KEYS;
      const first = this.nextNew;
      this.nextNew += count;
      this.round(round, "insert", "update", insertBatches, (_, i) => sequentialKeys(this.keys, first + i * BATCH_KEYS), BATCH_KEYS);
      this.round(round, "delete", "remove", insertBatches, (_, i) => shuffledKeys(this.keys, first, count, i), BATCH_KEYS);
    }
    this.insertAll(this.nextNew, half + BATCH_KEYS);
    this.nextNew += half + BATCH_KEYS;
    for (let round = -1; round < this.rounds; round++) {
      const first = this.nextNew;
      this.nextNew += this.batches * BATCH_KEYS;
      this.round(round, "evicting insert", "update", this.batches, (_, i) => sequentialKeys(this.keys, first + i * BATCH_KEYS), BATCH_KEYS);
    }
    for (let round = -1; round < this.rounds; round++) this.walks(round);
  }

  /** What the loop that only reads the keys takes on each side. */
  get loop() {
    return ["model", "kernel"].map((side) => `${side} ${this.figure("loop", side).toFixed(1)} ns`).join(", ");
  }

  insertAll(first, count) {
    for (let at = first; at < first + count; at += BATCH_KEYS) {
      sequentialKeys(this.keys, at);
      for (const side of this.sides) side.insertAll(this.keys);
    }
  }

  /** One round of one operation on each side. Round -1 warms up. */
  round(round, label, operation, batches, makeKeys, expected) {
    for (const side of this.sides) {
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
      const times = side.name === "model" ? MODEL_WALKS : 1;
      const first = median(Array.from({ length: times }, () => side.walk(true).ns));
      this.record(round, "GC walk, the first one", side.name, first);
      const later = side.name === "model" ? median(Array.from({ length: times }, () => side.walk(false).ns)) : first;
      this.record(round, "GC walk", side.name, later);
    }
  }

  record(round, label, side, ns) {
    if (round < 0) return;
    const id = `${label} ${side}`;
    if (!this.figures.has(id)) this.figures.set(id, []);
    this.figures.get(id).push(ns);
  }

  /** Median over the rounds; NaN where a side doesn't take part. */
  figure(label, side) {
    const figures = this.figures.get(`${label} ${side}`);
    return figures === undefined ? NaN : median(figures);
  }

  get rows() {
    return ["hit", "miss", "insert", "delete", "evicting insert", "GC walk, the first one", "GC walk"].map((label) => {
      const [model, kernel, plain] = ["model", "kernel", "plain"].map((side) => this.figure(label, side) - (label.startsWith("GC") ? 0 : this.figure("loop", side)));
      const goal = GOAL_SIZES.includes(this.maxEntries) ? GOALS[label] : undefined;
      const ratio = model / kernel;
      const verdict = goal === undefined || Number.isNaN(ratio) ? "" : `≤ ${goal}: ${ratio <= goal ? "met" : "missed"}`;
      return [`${this.maxEntries} ${label}`, shown(model), shown(kernel), shown(ratio), verdict, shown(plain), shown(plain / model)];
    });
  }

  get memory() {
    const [model, kernel] = this.bytes;
    return [this.maxEntries, shown(model), shown(kernel ?? NaN), shown(model / (kernel ?? NaN))];
  }
}

function shown(number) {
  if (Number.isNaN(number)) return "–";
  return number >= 100 ? number.toFixed(0) : number >= 10 ? number.toFixed(1) : number >= 0.1 ? number.toFixed(2) : number.toPrecision(1);
}
