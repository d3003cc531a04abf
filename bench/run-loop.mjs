/** The whole way of a packet: sockets, programs, maps, CPUs and events of the incident's job, simulated for some seconds. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bench } from "tinybench";
import { simulateVariant } from "../dist/lab/simulate.js";
import { loadScenario } from "../dist/scenario/load.js";

const SCENARIO = new URL("../scenarios/ct-exhaustion.yaml", import.meta.url).pathname;
/** Variants that differ in the kind of ct4_global. */
const VARIANTS = ["as-lru", "fixed"];

export async function run({ quick }) {
  const seconds = quick ? 5 : 20;
  const folder = mkdtempSync(join(tmpdir(), "ctlab-bench-"));
  try {
    const rows = [];
    for (const name of VARIANTS) rows.push(await row(name, seconds, folder, quick));
    return [{
      title: `The incident's job at 1,170 connections/s, ${seconds} simulated seconds: ns each, everything included`,
      columns: ["variant", "per packet", "per event", "per connection", "packets"],
      rows,
      notes: ["Building the node and preloading its maps (timed alone) is taken off. Medians."],
    }];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function row(name, seconds, folder, quick) {
  const set = ["observe.flows=none", "workloads.2.arrivals.first=1s", "workloads.2.arrivals.every=10m"];
  const scenario = (duration) =>
    loadScenario(SCENARIO, { set: [...set, `duration=${duration}`] }).variants.find(({ variant }) => variant === name);
  const [short, long] = [scenario("1100ms"), scenario(`${seconds + 1}s`)];
  const bench = new Bench({ iterations: quick ? 2 : 5, time: 0, warmupIterations: 1, warmupTime: 0 });
  let counts;
  bench.add("short", () => void simulateVariant(short, { run: 0, streamFolder: folder }));
  bench.add("long", () => void ({ counts } = simulateVariant(long, { run: 0, streamFolder: folder }).variant));
  await bench.run();
  const [before, whole] = bench.tasks.map(({ result }) => result.latency.p50 * 1e6);
  const each = (count) => Math.round((whole - before) / count);
  return [name, each(counts.packets), each(counts.events), each(counts.connectionsOpened), counts.packets];
}
