/**
 * A packet's whole way beside the kernel's: the mix of a kernel program that does what Cilium's NodePort path does, at full
 * fidelity with event queue and recorded latencies. Every side in a process of its own, in turn.
 *
 * CTLAB_KERNEL_PEER: binary that loads the program (its object lies beside it as dp.bpf.o), takes OBJECT N RUNS mix and prints
 * "FULL path MIX 1/16 new, N/4 live … NNN ns/pkt … hit=H miss=M". Needs the right to load programs.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { median } from "./core-tables.mjs";

const MIX = fileURLToPath(new URL("packet-mix.mjs", import.meta.url));
const SIZES = [524_288, 2_097_152];
const SIZES_QUICK = [524_288];
/** Packets of one run of the kernel's program, and runs until the maps have settled. */
const PACKETS = 2_000_000;
const LONG_RUNS = 5;
const LINE = /FULL path MIX 1\/16 new, N\/4 live\s+([\d.]+) ns\/pkt.*hit=(\d+) miss=(\d+)/;

export async function run({ quick }) {
  const rounds = quick ? 2 : 5;
  const kernel = kernelPeer();
  const rows = [];
  const settled = [];
  for (const entries of quick ? SIZES_QUICK : SIZES) {
    const results = Array.from({ length: rounds }, () => ({
      kernel: kernel.measure?.(entries, 1),
      plain: ours(entries, false, PACKETS),
      walks: ours(entries, true, PACKETS),
    }));
    rows.push(...rowsOf(entries, results));
    if (!quick && kernel.measure !== undefined) settled.push(settledNote(entries, kernel));
  }
  const notes = [
    `Medians of ${rounds} rounds, the sides in turn; ratios are medians of the rounds' ratios. CT misses as a share of ${PACKETS} packets.`,
    ...settled,
    "heap: bytes allocated for each packet, by heap statistics at every collection; the measurement's own are among them.",
  ];
  return [{
    title: "A packet through the NodePort path, 1 in 16 opens a flow, N/4 live flows",
    columns: ["N, side", "ns / packet", "of the kernel's", "CT misses", "beside the kernel", "heap B / packet"],
    rows,
    notes: kernel.missing === undefined ? notes : [...notes, `No kernel figures: ${kernel.missing}.`],
  }];
}

/** Misses in the long run, when live flows are evicted too. */
function settledNote(entries, kernel) {
  const percent = ({ missRatio }) => `${(100 * missRatio).toFixed(2)} %`;
  const packets = LONG_RUNS * PACKETS;
  return `N = ${entries}, CT misses over ${packets} packets: kernel ${percent(kernel.measure(entries, LONG_RUNS))}, simulated ${percent(ours(entries, true, packets))}.`;
}

function rowsOf(entries, results) {
  const sides = [["kernel", "kernel program"], ["plain", "simulated, every lookup hashed"], ["walks", "simulated, walks repeated by flow"]];
  return sides.flatMap(([side, name]) => {
    if (results[0][side] === undefined) return [];
    const pick = (fn) => median(results.map(fn));
    const compared = side !== "kernel" && results[0].kernel !== undefined;
    const misses = pick((round) => round[side].missRatio);
    return [[
      `${entries} ${name}`,
      pick((round) => round[side].nsPerPacket).toFixed(0),
      compared ? `${pick((round) => round[side].nsPerPacket / round.kernel.nsPerPacket).toFixed(2)}×` : "",
      `${(100 * misses).toFixed(2)} %`,
      compared ? `${(100 * (misses - pick((round) => round.kernel.missRatio))).toFixed(2)} points` : "",
      side === "kernel" ? "" : pick((round) => round[side].bytesPerPacket).toFixed(2),
    ]];
  });
}

function ours(entries, walks, packets) {
  return JSON.parse(execFileSync(process.execPath, [MIX, entries, walks ? 1 : 0, packets].map(String), { encoding: "utf8" }));
}

/** The peer's `measure`, or what is missing for it. */
function kernelPeer() {
  const { CTLAB_KERNEL_PEER: binary } = process.env;
  if (binary === undefined) return { missing: "CTLAB_KERNEL_PEER names no binary" };
  if (!existsSync(binary)) return { missing: `${binary} is not there` };
  const object = join(dirname(binary), "dp.bpf.o");
  // On one CPU, as the simulated side: a program that moves between CPUs leaves elements on each one's free list.
  const pinned = canPin() ? ["taskset", "-c", "0"] : [];
  return {
    measure(entries, runs) {
      const [command, ...rest] = [...pinned, binary, object, entries, runs, "mix"].map(String);
      const output = execFileSync(command, rest, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
      const [, ns, hit, miss] = LINE.exec(output);
      return { nsPerPacket: Number(ns), missRatio: Number(miss) / (Number(hit) + Number(miss)) };
    },
  };
}

/** Whether taskset (util-linux) is there. */
function canPin() {
  try {
    execFileSync("taskset", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
