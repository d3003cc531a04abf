/**
 * The event queue in the hold model: N events pending, each pop is followed by a push. Against a binary heap and, where
 * they are installed, against ns-3's best scheduler and SimPy; every side in a process of its own, in turn.
 *
 * CTLAB_NS3HOLD: binary that takes N EVENTS SCHEDULER and prints "… NNN ns/event …" (ns-3's PriorityQueueScheduler is its
 * fastest). CTLAB_SIMPY: Python script that takes N EVENTS and prints the same; run by /usr/bin/python3, SimPy is Debian's.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median } from "./core-tables.mjs";

const HOLD = fileURLToPath(new URL("event-queue-hold.mjs", import.meta.url));
const SIZES = [1e3, 1e4, 1e5, 1e6];
const SIMPY_SIZES = [1e3, 1e5];
const DELAYS = ["exponential", "equal", "now", "packets", "scales"];

export async function run({ quick }) {
  const rounds = quick ? 1 : 5;
  const events = quick ? 200_000 : 1_000_000;
  return [againstPeers(rounds, events), byDelay(rounds, events)];
}

function againstPeers(rounds, events) {
  const sides = [ours("ladder"), ours("heap"), ...peers()];
  const rows = SIZES.map((pending) => {
    const taking = sides.filter((side) => side.sizes === undefined || side.sizes.includes(pending));
    const results = Array.from({ length: rounds }, () => new Map(taking.map((side) => [side, side.measure(pending, events)])));
    const cells = sides.map((side) => {
      if (!taking.includes(side)) return "";
      const ns = median(results.map((round) => round.get(side)));
      const ratio = median(results.map((round) => round.get(side) / round.get(sides[0])));
      return side === sides[0] ? ns.toFixed(1) : `${ns.toFixed(0)} (${ratio.toFixed(1)}×)`;
    });
    return [String(pending), ...cells];
  });
  return {
    title: "Event queue, hold model, exponential delays: ns per pop and push",
    columns: ["pending", ...sides.map(({ name }) => name)],
    rows,
    notes: [`Medians of ${rounds} rounds, the sides in turn; in brackets the median of the rounds' ratios to the ladder.`],
  };
}

function byDelay(rounds, events) {
  const rows = DELAYS.map((delays) => [
    delays,
    ...SIZES.map((pending) => median(Array.from({ length: rounds }, () => hold("ladder", pending, events, delays))).toFixed(1)),
  ]);
  return { title: "Event queue, other delays: ns per pop and push", columns: ["delays", ...SIZES.map(String)], rows };
}

function ours(kind) {
  return { name: kind, measure: (pending, events) => hold(kind, pending, events) };
}

function hold(kind, pending, events, delays = "exponential") {
  return Number(execFileSync(process.execPath, [HOLD, kind, pending, events, delays].map(String), { encoding: "utf8" }));
}

function peers() {
  const { CTLAB_NS3HOLD: ns3, CTLAB_SIMPY: simpy } = process.env;
  return [
    ns3 && { name: "ns-3", measure: (pending, events) => peer(ns3, [pending, events, "ns3::PriorityQueueScheduler"]) },
    simpy && { name: "SimPy", sizes: SIMPY_SIZES, measure: (pending) => peer("/usr/bin/python3", [simpy, pending, 200_000]) },
  ].filter(Boolean);
}

function peer(command, parameters) {
  const output = execFileSync(command, parameters.map(String), { encoding: "utf8" });
  return Number(/([\d.]+) ns\/event/.exec(output)[1]);
}
