/**
 * One measurement in a process of its own: `node bench/event-queue-hold.mjs ladder|heap PENDING EVENTS [DELAYS]`. Prints the
 * nanoseconds that one pop and one push take together while PENDING events are held: the median of three stretches.
 */
import { EventQueue } from "../dist/core/event-queue.js";
import { HeapQueue } from "./event-queue-heap.mjs";

const DRAWS = 65536;

/** Draws as ns3hold's generator makes them, so that both sides see the same numbers. */
function uniforms() {
  let x = 12345;
  return Float64Array.from({ length: DRAWS }, () => {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return ((x >>> 0) + 1) / 4294967297;
  });
}

/** How far ahead events are scheduled, nanoseconds. */
const DELAYS = {
  exponential: (u) => Math.floor(-Math.log(u) * 1e6) + 1,
  equal: () => 1000,
  now: (u) => (u < 0.5 ? 0 : Math.floor(u * 1e5)),
  packets: (u) => (u < 0.95 ? 500 + Math.floor(u * 2000) : Math.floor(6e10 * u)),
  scales: (u) => Math.floor(2 ** (30 * u)),
};

const [kind, pending, events, delays = "exponential"] = process.argv.slice(2);
const queue = kind === "heap" ? new HeapQueue() : new EventQueue();
const delay = uniforms().map(DELAYS[delays]);
let draw = 0;

function hold(count) {
  for (let i = 0; i < count; i++) {
    queue.pop();
    queue.push(queue.time + delay[draw++ & (DRAWS - 1)], queue.kind, queue.a, 0);
  }
}

for (let i = 0; i < Number(pending); i++) queue.push(delay[draw++ & (DRAWS - 1)], 1, i, 0);
hold(2 * Number(pending) + 50_000);
const stretches = [];
for (let i = 0; i < 3; i++) {
  const start = process.hrtime.bigint();
  hold(Number(events));
  stretches.push(Number(process.hrtime.bigint() - start) / Number(events));
}
console.log(stretches.sort((a, b) => a - b)[1].toFixed(2));
