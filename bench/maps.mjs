/**
 * Map operations: the model, this machine's kernel for the same operations where that is allowed (BPF_PROG_TEST_RUN), and a
 * JavaScript Map with string keys; 14-byte keys and 56-byte values, uniformly random keys, in turn in one run.
 */
import { median } from "./core-tables.mjs";
import { createMap } from "../dist/bpf/create.js";
import { MapType } from "../dist/bpf/spec.js";
import { CtMap, ctStoredWords } from "../dist/cilium/maps/ct-map.js";
import { KernelTimer, OPERATIONS_PER_RUN, RANDOM_SEED, timingKey } from "../dist/lab/live/timing.js";
import { inspectMachine } from "../dist/lab/live/machine.js";
import { isUnavailable, openKernel } from "../dist/lab/live/syscall.js";

const SIZES = [262_144, 524_288, 1_048_576, 2_097_152, 16_777_216];
const SIZES_QUICK = [524_288];
const OPERATIONS = ["hit", "miss", "insert + delete", "evicting insert"];
/** Larger JavaScript Maps of strings take minutes to fill. */
const JS_MAP_MAX = 1_048_576;

export async function run({ quick }) {
  const kernel = await openKernel();
  const machine = isUnavailable(kernel) ? kernel : inspectMachine(kernel);
  const missing = isUnavailable(machine) ? machine.message : null;
  const host = missing === null ? { possibleCpus: machine.possibleCpus, refill: machine.refill ?? "scaled" } : { possibleCpus: 2, refill: "scaled" };
  const rounds = quick ? 3 : 5;
  const rows = [];
  for (const maxEntries of quick ? SIZES_QUICK : SIZES) {
    const spec = { name: "ct", type: MapType.lruHash, keySize: 14, valueSize: 56, maxEntries, flags: 0, storedWords: ctStoredWords("none", false) };
    rows.push(...measure(spec, host, missing === null ? kernel : null, rounds, quick ? 200_000 : 1_000_000));
  }
  return [{
    title: "LRU hash, 14-byte key, 56-byte value: ns per operation",
    columns: ["entries, operation", "model", "kernel", "model / kernel", "JS Map, string keys", "model bytes / entry"],
    rows,
    notes: [`Medians of ${rounds} alternations.`, ...(missing === null ? [] : [`No kernel figures: ${missing}.`])],
  }];
}

function measure(spec, host, kernel, rounds, times) {
  const model = new ModelTimer(createMap(spec, host));
  const timer = kernel === null ? null : new KernelTimer(kernel, spec, host.possibleCpus);
  const plain = spec.maxEntries <= JS_MAP_MAX ? new PlainTimer(spec.maxEntries) : null;
  try {
    const figures = new Map(OPERATIONS.map((operation) => [operation, { model: [], kernel: [], plain: [] }]));
    for (let round = 0; round < rounds; round++) {
      for (const [operation, { model: mine, kernel: theirs, plain: js }] of figures) {
        mine.push(model.time(operation, times));
        if (timer !== null) theirs.push(kernelTime(timer, operation, spec.maxEntries, times, round));
        if (plain !== null) js.push(plain.time(operation, Math.min(times, 200_000)));
      }
    }
    const bytes = (model.map.modelBytes / spec.maxEntries).toFixed(1);
    const shown = (list) => (list.length === 0 ? "–" : median(list).toFixed(0));
    return [...figures].map(([operation, { model: mine, kernel: theirs, plain: js }]) => [
      `${spec.maxEntries} ${operation}`, shown(mine), shown(theirs),
      theirs.length === 0 ? "–" : (median(mine) / median(theirs)).toFixed(2), shown(js), bytes,
    ]);
  } finally {
    timer?.close();
  }
}

/** Half full for hits, misses and pairs; past full for evicting inserts. */
class ModelTimer {
  constructor(map) {
    this.map = map;
    this.ct = new CtMap(map, "none");
    this.key = new Int32Array(4);
    this.next = map.maxEntries;
    for (let i = 0; i < map.maxEntries / 2; i++) this.insert(i);
  }

  insert(index) {
    timingKey(index, this.key);
    const slot = this.map.update(this.key, 0, 0, 0);
    this.ct.setLifetime(slot, 1);
  }

  time(operation, times) {
    const { map, key } = this;
    const mask = map.maxEntries / 2 - 1;
    const first = operation === "miss" ? map.maxEntries * 4 : 0;
    let random = RANDOM_SEED;
    let kept = 0;
    const start = performance.now();
    for (let i = 0; i < times; i++) {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      if (operation === "evicting insert") this.insert(this.next++);
      else if (operation === "insert + delete") {
        this.insert(this.next);
        kept += map.remove(key, 0, 0);
      } else {
        timingKey(first + (random & mask), key);
        kept += map.lookup(key, 0);
      }
    }
    return ((performance.now() - start) * 1e6) / times + (kept === 0.5 ? 1 : 0);
  }
}

function kernelTime(timer, operation, maxEntries, times, round) {
  const runs = Math.ceil(times / OPERATIONS_PER_RUN);
  const half = maxEntries / 2;
  if (round === 0 && operation === "hit") timer.time("update", { base: 0 }, half / OPERATIONS_PER_RUN);
  const draw = timer.time("draw", { base: 0, range: half }, runs).ns;
  if (operation === "hit") return timer.time("lookup", { base: 0, range: half }, runs).ns - draw;
  if (operation === "miss") return timer.time("lookup", { base: maxEntries * 4, range: half }, runs).ns - draw;
  if (operation === "insert + delete") return timer.time("pair", { base: maxEntries * 2 }, runs).ns;
  return timer.time("update", { base: maxEntries * (8 + round) }, runs).ns;
}

class PlainTimer {
  constructor(maxEntries) {
    this.half = maxEntries / 2;
    this.map = new Map(Array.from({ length: this.half }, (_, i) => [`10.0.0.1:${i}-10.0.0.2:80/6/0`, { lifetime: 1 }]));
  }

  time(operation, times) {
    let random = RANDOM_SEED;
    let kept = 0;
    const start = performance.now();
    for (let i = 0; i < times; i++) {
      random ^= random << 13;
      random ^= random >>> 17;
      random ^= random << 5;
      const index = (random & (this.half - 1)) + (operation === "hit" ? 0 : this.half * 4);
      const key = `10.0.0.1:${index}-10.0.0.2:80/6/0`;
      if (operation === "hit" || operation === "miss") kept += this.map.has(key) ? 1 : 0;
      else {
        this.map.set(key, { lifetime: 1 });
        this.map.delete(key);
      }
    }
    return ((performance.now() - start) * 1e6) / times + (kept < 0 ? 1 : 0);
  }
}
