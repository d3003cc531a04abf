/** Building Maglev tables at the agent's table sizes: `npm run build && node bench/maglev.mjs`. */

import { Bench } from "tinybench";
import { DEFAULT_WEIGHT, decodeSeed, maglevTable } from "../dist/cilium/agent/maglev.js";

const seed = decodeSeed("JLfvgnHc2kaSUFaI");

/** Slots, backends, and the goal in ms. */
const CASES = [
  [16381, 100, 5],
  [65521, 650, 75],
  [131071, 1000, 150],
];

const bench = new Bench({ time: 500, warmupTime: 200 });
for (const [tableSize, count] of CASES) {
  for (const weight of [1, DEFAULT_WEIGHT]) {
    const backends = Array.from({ length: count }, (_, i) => ({
      address: `10.0.${i >> 8}.${i & 255}`,
      port: 8080,
      protocol: "TCP",
      id: i + 1,
      weight,
    }));
    bench.add(`${tableSize} slots, ${count} backends, weight ${weight}`, () => {
      maglevTable(backends, { tableSize, seed, form: "bracketed-state" });
    });
  }
}
await bench.run();
for (const [index, task] of bench.tasks.entries()) {
  const goal = CASES[index >> 1][2];
  const { latency } = task.result;
  console.log(`${task.name}: median ${latency.p50.toFixed(2)} ms, p99 ${latency.p99.toFixed(2)} ms (goal ${goal} ms)`);
}
