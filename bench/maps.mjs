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
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "./core-tables.mjs";

const ONE_SIZE = fileURLToPath(new URL("./map-size.mjs", import.meta.url));
const SIZES = [262_144, 524_288, 1_048_576, 2_097_152, 16_777_216];
const SIZES_QUICK = [524_288];
/** Batches of one round. */
const BATCHES = 64;
const BATCHES_QUICK = 32;
/** Where the model should be at most, as a share of the kernel's time, and at which sizes. */
const GOALS = { hit: 0.7, miss: 0.7, insert: 0.7, "evicting insert": 0.7, "GC walk, the first one": 0.01, "GC walk": 0.01 };
const GOAL_SIZES = [524_288, 2_097_152];
const LABELS = ["hit", "hit, any map", "miss", "insert", "delete", "evicting insert", "GC walk, the first one", "GC walk"];

export async function run({ quick }) {
  const rounds = quick ? 3 : 5;
  const batches = quick ? BATCHES_QUICK : BATCHES;
  const sizes = quick ? SIZES_QUICK : SIZES;
  const results = sizes.map((maxEntries) => JSON.parse(execFileSync(process.execPath, [ONE_SIZE, maxEntries, rounds, batches], { encoding: "utf8" })));
  const { missing } = results[0];
  const notes = [
    `Medians of ${rounds} rounds; per round and side the median of ${batches} batches of 4096 operations (fewer where the map has no room for them).`,
    "hit, miss, insert, delete: the map is half full; evicting insert and GC walk: it is full. GC walk: per entry, nothing expired. The model's is the agent's walk as the simulator performs it; the first one of a map reads every lifetime, later ones know which blocks of entries can't hold an expired one. The kernel's is BPF_MAP_LOOKUP_BATCH with the agent's chunk, without what the agent does with what it gets.",
    "In both loops the addresses of map and keys are constants. hit, any map: of the model, through code that knows the classes only, as most of a simulator is.",
    "A JavaScript Map keeps no use bits: when full, its oldest key goes. Of the JavaScript Map's time a part is making the string of a key.",
    `Reading the keys, taken off: model ${shown(figure(results[0], "loop", "model"))} ns, kernel ${shown(figure(results[0], "loop", "kernel"))} ns, at the smallest size.`,
    ...(missing === null ? [] : [`No kernel figures, that column is skipped: ${missing}.`]),
  ];
  return [
    {
      title: "LRU hash, 14-byte key, 56-byte value: ns per operation",
      columns: ["entries, operation", "model", "kernel", "model / kernel", "goal", "JS Map", "JS Map / model"],
      rows: results.flatMap((result, i) => LABELS.map((label) => row(sizes[i], result, label))),
      notes,
    },
    {
      title: "Memory of that map: bytes per entry, all told",
      columns: ["entries", "model", "kernel (memlock)", "model / kernel"],
      rows: results.map(({ memory: { model, kernel = NaN } }, i) => [sizes[i], shown(model), shown(kernel), shown(model / kernel)]),
    },
  ];
}

/** Median over the rounds; NaN where a side doesn't take part. */
function figure({ figures }, label, side) {
  const list = figures[label]?.[side];
  return list === undefined ? NaN : median(list);
}

function row(maxEntries, result, label) {
  const net = (side, of = label) => figure(result, of, side) - (of.startsWith("GC") ? 0 : figure(result, "loop", side));
  const [model, plain] = [net("model"), net("plain")];
  const kernel = net("kernel", label === "hit, any map" ? "hit" : label);
  const goal = GOAL_SIZES.includes(maxEntries) ? GOALS[label] : undefined;
  const ratio = model / kernel;
  const verdict = goal === undefined || Number.isNaN(ratio) ? "" : `≤ ${goal}: ${ratio <= goal ? "met" : "missed"}`;
  return [`${maxEntries} ${label}`, shown(model), shown(kernel), shown(ratio), verdict, shown(plain), shown(plain / model)];
}

function shown(number) {
  if (Number.isNaN(number)) return "–";
  return number >= 100 ? number.toFixed(0) : number >= 10 ? number.toFixed(1) : number >= 0.1 ? number.toFixed(2) : number.toPrecision(1);
}
