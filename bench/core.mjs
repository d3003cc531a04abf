/** The small things that every packet pays for: random numbers, counting a latency, the fingerprint, one event's round trip. */
import { build, initWebAssembly } from "hdr-histogram-js";
import { Bench } from "tinybench";
import { Fingerprint } from "../dist/core/fingerprint.js";
import { LogLinearCounter } from "../dist/core/log-linear.js";
import { RandomStreams } from "../dist/core/random.js";
import { Simulation } from "../dist/core/simulation.js";

/** Operations in one timed call: many, so that the clock does not count. */
const BATCH = 20_000;
const HIGHEST = 3600e9;

export async function run({ quick }) {
  await initWebAssembly();
  return [
    await table("Random numbers: ns per draw", quick, randomTasks()),
    await table("Counting one latency: ns per record", quick, counterTasks()),
    await table("Run loop and fingerprint: ns each", quick, loopTasks()),
  ];
}

async function table(title, quick, tasks) {
  const bench = new Bench({ time: quick ? 50 : 500, warmupTime: quick ? 20 : 200 });
  for (const [name, task] of tasks) bench.add(name, task);
  await bench.run();
  const ns = (ms) => ((ms * 1e6) / BATCH).toFixed(2);
  const rows = bench.tasks.map(({ name, result: { latency } }) => [name, ns(latency.p50), ns(latency.min), ns(latency.p99)]);
  return { title, columns: ["operation", "median", "least", "p99"], rows };
}

/** Where tasks leave their results, so that nothing is optimised away. */
let kept = 0;

// Each task has a loop of its own: a shared one would call through a megamorphic site and measure that.

function randomTasks() {
  const stream = (name) => new RandomStreams("bench").stream(name);
  const [word, float, below, exponential, lognormal, pareto, weibull] = ["w", "f", "b", "e", "l", "p", "v"].map(stream);
  return [
    ["nextUint32", () => { let x = 0; for (let i = 0; i < BATCH; i++) x ^= word.nextUint32(); kept += x; }],
    ["nextFloat", () => { let x = 0; for (let i = 0; i < BATCH; i++) x += float.nextFloat(); kept += x; }],
    ["below(1000)", () => { let x = 0; for (let i = 0; i < BATCH; i++) x ^= below.below(1000); kept += x; }],
    ["exponential", () => { let x = 0; for (let i = 0; i < BATCH; i++) x += exponential.exponential(1000); kept += x; }],
    ["lognormal", () => { let x = 0; for (let i = 0; i < BATCH; i++) x += lognormal.lognormal(1000, 1); kept += x; }],
    ["pareto", () => { let x = 0; for (let i = 0; i < BATCH; i++) x += pareto.pareto(1000, 1.5); kept += x; }],
    ["weibull", () => { let x = 0; for (let i = 0; i < BATCH; i++) x += weibull.weibull(1000, 0.7); kept += x; }],
    ["Math.random, for scale", () => { let x = 0; for (let i = 0; i < BATCH; i++) x += Math.random(); kept += x; }],
  ];
}

function counterTasks() {
  const stream = new RandomStreams("bench").stream("latencies");
  const small = Int32Array.from({ length: BATCH }, () => Math.min(2 ** 31 - 1, Math.floor(stream.lognormal(20_000, 2))));
  const large = Float64Array.from({ length: BATCH }, () => 2 ** 31 + Math.floor(stream.exponential(1e11)));
  const counter = (digits) => new LogLinearCounter(digits, Number.MAX_SAFE_INTEGER);
  const [two, three, wide] = [counter(2), counter(3), counter(3)];
  const hdr = build({ numberOfSignificantValueDigits: 3, highestTrackableValue: HIGHEST, autoResize: false });
  const wasm = build({ numberOfSignificantValueDigits: 3, highestTrackableValue: HIGHEST, autoResize: false, useWebAssembly: true });
  return [
    ["LogLinearCounter, 2 digits", () => { for (let i = 0; i < BATCH; i++) two.record(small[i]); }],
    ["LogLinearCounter, 3 digits", () => { for (let i = 0; i < BATCH; i++) three.record(small[i]); }],
    ["LogLinearCounter, values above 2^31", () => { for (let i = 0; i < BATCH; i++) wide.record(large[i]); }],
    ["hdr-histogram-js, WebAssembly, 3 digits", () => { for (let i = 0; i < BATCH; i++) wasm.recordValue(small[i]); }],
    ["hdr-histogram-js, 3 digits", () => { for (let i = 0; i < BATCH; i++) hdr.recordValue(small[i]); }],
  ];
}

function loopTasks() {
  const [narrow, wide] = [new Fingerprint(), new Fingerprint()];
  const simulation = loadedSimulation();
  return [
    ["event through Simulation, 300 pending, 8 kinds", () => { simulation.run(simulation.now + (BATCH / 300) * MEAN_DELAY); }],
    ["Fingerprint.mix", () => { for (let i = 0; i < BATCH; i++) narrow.mix(i); }],
    ["Fingerprint.mixWide", () => { for (let i = 0; i < BATCH; i++) wide.mixWide(i * 1e9); }],
  ];
}

const MEAN_DELAY = 10_000;

/** Events that reschedule themselves: BATCH of them in each 300th of BATCH mean delays, on average. */
function loadedSimulation() {
  const simulation = new Simulation();
  const stream = new RandomStreams("bench").stream("delays");
  const seen = new Int32Array(8);
  const kinds = Array.from({ length: 8 }, (_, index) =>
    simulation.on((a, b) => {
      seen[index] += a;
      simulation.after(stream.below(2 * MEAN_DELAY), kinds[(index + 1) & 7], b, a);
    }),
  );
  for (let i = 0; i < 300; i++) simulation.at(stream.below(2 * MEAN_DELAY), kinds[i & 7], i, i);
  return simulation;
}
