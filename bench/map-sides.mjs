/**
 * The three sides of bench/maps.mjs behind one interface: the model, this machine's kernel, a JavaScript Map with string
 * keys. Each performs an operation on every key of a batch and says how long that took.
 *
 *     perform(operation, keys) -> { ns, done }    operation: read, lookup, update, remove; the model: lookupByField too
 *     insertAll(keys)                              the same as update, not timed
 *     walk() -> { ns, done }                       per entry; not the JavaScript Map
 *
 * The model is given the array of all batches when it is made.
 */
import { createMap } from "../dist/bpf/create.js";
import { GC_SLICE_NS } from "../dist/cilium/agent/conntrack-gc.js";
import { MEASURED_GC_COSTS } from "../dist/cilium/agent/gc-costs.js";
import { batchChunk } from "../dist/cilium/agent/gc-plain.js";
import { expiryRule } from "../dist/cilium/agent/gc-targets.js";
import { BatchWalk, WalkMemory } from "../dist/cilium/agent/gc-walk.js";
import { CtMap } from "../dist/cilium/maps/ct-map.js";
import { BATCH_KEYS, BATCH_KEY_WORDS, KernelTimer } from "../dist/lab/live/timing.js";

const KEYS_END = BATCH_KEYS * BATCH_KEY_WORDS;
const NS_PER_MS = 1e6;
/** Every entry's lifetime, and the clock of the walks: nothing has expired. */
const LIFETIME = 1000;
const CLOCK = 500;

/** A conntrack map as the simulator has it. */
export class ModelSide {
  name = "model";

  constructor(spec, host, keys) {
    this.keys = keys;
    this.map = createMap(spec, host);
    this.ct = new CtMap(this.map, "none");
    this.memory = new WalkMemory(this.map);
    this.batches = modelBatches(this.map, this.ct, keys);
  }

  get bytesPerEntry() {
    return this.map.modelBytes / this.map.maxEntries;
  }

  perform(operation) {
    const batch = operation === "lookupByField" ? lookUpIn : this.batches[operation];
    const start = performance.now();
    const done = batch(this.map, this.keys);
    return { ns: ((performance.now() - start) * NS_PER_MS) / BATCH_KEYS, done };
  }

  insertAll() {
    this.batches.update();
  }

  /** The agent's batch walk in the slices in which a node gives it time. `fresh`: as the first one, which reads every lifetime. */
  walk(fresh) {
    if (fresh) this.ct.attach(this.map);
    const target = { name: "ct4_global", family: 4, protocol: "tcp", addressWords: 1, ct: this.ct, nat: null };
    const start = performance.now();
    const walk = new BatchWalk(target, expiryRule(CLOCK), MEASURED_GC_COSTS, this.memory, 0, undefined);
    while (!walk.done) walk.step(GC_SLICE_NS, { cpuNs: 0, heldNs: 0 });
    const ns = ((performance.now() - start) * NS_PER_MS) / this.map.count;
    return { ns, done: walk.counts.alive };
  }

  close() {}
}

/**
 * One function for each operation, with the map and the place of the keys as constants, as a BPF program has both addresses
 * in its code.
 */
function modelBatches(sideMap, view, batch) {
  const map = sideMap;
  const ct = view;
  const keys = batch;
  return {
    read: () => readKeys(keys),
    lookup() {
      let done = 0;
      for (let at = 0; at < KEYS_END; at += BATCH_KEY_WORDS) done += map.lookup(keys, at) > 0 ? 1 : 0;
      return done;
    },
    update() {
      let done = 0;
      for (let at = 0; at < KEYS_END; at += BATCH_KEY_WORDS) {
        const slot = map.update(keys, at, 0, 0);
        if (slot <= 0) continue;
        ct.setLifetime(slot, LIFETIME);
        done++;
      }
      return done;
    },
    remove() {
      let done = 0;
      for (let at = 0; at < KEYS_END; at += BATCH_KEY_WORDS) done += map.remove(keys, at, 0) === 0 ? 1 : 0;
      return done;
    },
  };
}

/** Lookups in a map and of keys that the compiler knows nothing of but their classes. */
function lookUpIn(map, keys) {
  let done = 0;
  for (let at = 0; at < KEYS_END; at += BATCH_KEY_WORDS) done += map.lookup(keys, at) > 0 ? 1 : 0;
  return done;
}

function readKeys(keys) {
  let sum = 0;
  for (let at = 0; at < KEYS_END; at += BATCH_KEY_WORDS) sum += keys[at] & 1;
  return sum;
}

/** A map of this machine's kernel. */
export class KernelSide {
  name = "kernel";

  constructor(kernel, spec, host) {
    this.maxEntries = spec.maxEntries;
    this.timer = new KernelTimer(kernel, spec, host.possibleCpus);
  }

  get bytesPerEntry() {
    return this.timer.map.info().memlock / this.maxEntries;
  }

  perform(operation, keys) {
    return this.timer.time(operation, keys);
  }

  insertAll(keys) {
    this.timer.time("update", keys);
  }

  walk() {
    return this.timer.walk(batchChunk(this.maxEntries));
  }

  close() {
    this.timer.close();
  }
}

/** A Map of objects by strings, with the oldest key deleted when it is full: the plain way to write it. */
export class PlainSide {
  name = "plain";

  constructor(maxEntries) {
    this.maxEntries = maxEntries;
    this.map = new Map();
  }

  perform(operation, keys) {
    const batch = PLAIN_BATCHES[operation];
    const start = performance.now();
    const done = batch(this.map, keys, this.maxEntries);
    return { ns: ((performance.now() - start) * NS_PER_MS) / BATCH_KEYS, done };
  }

  insertAll(keys) {
    PLAIN_BATCHES.update(this.map, keys, this.maxEntries);
  }

  close() {
    this.map.clear();
  }
}

const text = (keys, at) => `${keys[at]}:${keys[at + 1]}:${keys[at + 2]}:${keys[at + 3]}`;

const PLAIN_BATCHES = {
  read: (_map, keys) => readKeys(keys),
  lookup(map, keys) {
    let done = 0;
    for (let at = 0; at < KEYS_END; at += BATCH_KEY_WORDS) if (map.get(text(keys, at)) !== undefined) done++;
    return done;
  },
  update(map, keys, maxEntries) {
    for (let at = 0; at < KEYS_END; at += BATCH_KEY_WORDS) {
      if (map.size === maxEntries) map.delete(map.keys().next().value);
      map.set(text(keys, at), { lifetime: LIFETIME, flags: 0 });
    }
    return BATCH_KEYS;
  },
  remove(map, keys) {
    let done = 0;
    for (let at = 0; at < KEYS_END; at += BATCH_KEY_WORDS) if (map.delete(text(keys, at))) done++;
    return done;
  },
};
