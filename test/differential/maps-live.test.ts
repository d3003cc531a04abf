/**
 * The model against the kernel of the machine that runs the tests, over random histories and random maps. Runs where
 * maps can be made and programs run (Linux, koffi, root or CAP_BPF + CAP_PERFMON + CAP_SYS_ADMIN); elsewhere it says
 * what is missing and is skipped.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { describeHistory, mapHistories } from "../../src/arbitraries.js";
import { MapFlag, MapType, type MapSpec } from "../../src/bpf/spec.js";
import { compareOnKernel, recordTrace, shrink } from "../../src/lab/live/compare.js";
import { hostOf, inspectMachine } from "../../src/lab/live/machine.js";
import { isUnavailable, openKernel, unavailableFor } from "../../src/lab/live/syscall.js";
import { verifyMapsLive } from "../../src/lab/live/verify-maps.js";
import { replay } from "../../src/lab/verify/maps.js";
import { TraceOp } from "../../src/lab/verify/map-trace.js";

const opened = await openKernel();
const inspected = isUnavailable(opened) ? opened : inspectMachine(opened);
const missing = isUnavailable(opened) ? opened : isUnavailable(inspected) ? inspected : undefined;
if (missing !== undefined) console.warn(`live comparison with the kernel skipped: it ${missing.message}`);

/** Maps of maps cost 20 ms an update and are left to `verifyMapsLive`. */
const FAST_TYPES = Object.values(MapType).filter((type) => type !== MapType.arrayOfMaps && type !== MapType.hashOfMaps);
const LIVE_OPERATIONS = 60_000;

describe.skipIf(missing !== undefined)("the kernel of this machine", () => {
  // Only reached where nothing is missing.
  const kernel = opened as Exclude<typeof opened, { reason: string }>;
  const machine = inspected as Exclude<typeof inspected, { reason: string }>;

  /** Histories name any possible CPU; this process may run on some. */
  const reachable = (code: TraceOp, argument: number): number =>
    code === TraceOp.setCpu ? machine.cpus[argument % machine.cpus.length]! : argument;

  it("gives what the model gives, for random histories", () => {
    const histories = mapHistories({ types: FAST_TYPES, host: hostOf(machine), maxEntries: 40 });
    fc.assert(
      fc.property(histories, (history) => {
        const ops = history.operations.flatMap(({ code, argument }) => [code, reachable(code, argument)]);
        const { divergence } = compareOnKernel(kernel, machine, history.spec, ops);
        if (divergence === undefined) return;
        const trace = JSON.stringify(recordTrace(kernel, machine, history.spec, ops, "live/0"));
        const { where, model } = divergence;
        expect.fail(
          `${where}: kernel ${divergence.kernel}, model ${model}\n${describeHistory(history)}\n` +
            `replay: echo '${trace}' | npx ctlab verify maps -`,
        );
      }),
      { numRuns: 120 },
    );
  });

  it("gives what the model gives, over all kinds of maps", { timeout: 120_000 }, async () => {
    const report = await verifyMapsLive({ operations: LIVE_OPERATIONS, seed: "test" });
    if (isUnavailable(report)) throw new Error(report.message);
    expect(report.differences).toEqual([]);
    expect(report.operations).toBeGreaterThanOrEqual(LIVE_OPERATIONS);
    expect(report.creations).toBeGreaterThan(1000);
    expect(report.kinds).toHaveLength(12);
    expect(report.kinds.filter(({ kind }) => kind.startsWith("lru")).every(({ evictions }) => evictions > 10)).toBe(true);
  });

  it("is told from a model that is wrong, by a short list that replays", () => {
    const wrong = { ...machine, refill: machine.refill === "fixed" ? ("scaled" as const) : ("fixed" as const) };
    const flags = MapFlag.zeroSeed;
    const spec: MapSpec = { name: "lru hash", type: MapType.lruHash, keySize: 14, valueSize: 8, maxEntries: 4, flags };
    const ops = Array.from({ length: 300 }, (_, i) => (i % 2 === 0 ? TraceOp.programUpdate : (i * 7) % 23));
    const { divergence } = compareOnKernel(kernel, wrong, spec, [...ops, TraceOp.checkpoint, 0]);
    expect(divergence?.where).toMatch(/^op 151 \(checkpoint 0\)$/);
    const shortest = shrink(kernel, wrong, spec, [...ops, TraceOp.checkpoint, 0]);
    // Four inserts fill the map, the fifth evicts, one look tells.
    expect(shortest.length / 2).toBe(6);
    const trace = recordTrace(kernel, wrong, spec, shortest, "live/0");
    expect(replay(trace).difference).toBeDefined();
    expect(replay({ ...trace, freeTarget: hostOf(machine).refill }).difference).toBeUndefined();
  });
});

describe("what can be missing", () => {
  it.each([
    [-1, "privilege", /CAP_BPF/],
    [-38, "no-bpf", /no bpf\(2\)/],
    [-22, "too-old", /5\.6/],
    [-12, "other", /ENOMEM/],
  ])("errno %d means %s", (errno, reason, message) => {
    expect(unavailableFor(errno).reason).toBe(reason);
    expect(unavailableFor(errno).message).toMatch(message);
  });
});

