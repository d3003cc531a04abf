/** A hook's latency in bpftrace's layout, and bucket by bucket beside what somebody measured on the real system. */
import { formatCount } from "../core/units.js";
import type { HookHistogram } from "../observe/result.js";
import { histRows, rowsText } from "./bpftrace-hist.js";
import { type Column, plainTable } from "./text-layout.js";
import { shareText } from "./wording.js";

/** Lines of a text block: the model's histogram, then both side by side when there is an observation. */
export function hookComparison(hook: HookHistogram): string[] {
  const model = [`@${hook.hook}_${hook.unit}: `, ...rowsText(histRows(hook.buckets))];
  if (hook.observed === undefined) return model;
  return [
    ...model,
    "",
    `Beside the observed one${hook.observedSource === undefined ? "" : ` (${hook.observedSource})`}:`,
    "",
    ...beside(hook),
  ];
}

function beside(hook: HookHistogram): string[] {
  const columns: Column[] = [
    { title: `${hook.unit}`, align: "left" },
    ...["model", "share", "observed", "share"].map((title): Column => ({ title, align: "right" })),
  ];
  const rows = pairBuckets(hook).map(({ low, model, observed, modelShare, observedShare }) => [
    bucketLabel(low),
    formatCount(model),
    shareText(modelShare),
    formatCount(observed),
    shareText(observedShare),
  ]);
  return plainTable(columns, rows);
}

export interface BucketPair {
  readonly low: number;
  readonly model: number;
  readonly observed: number;
  readonly modelShare: number;
  readonly observedShare: number;
}

/** Every bucket that either side has, ascending; shares are of each side's own total. */
export function pairBuckets(hook: HookHistogram): BucketPair[] {
  const model = new Map(hook.buckets);
  const observed = new Map(hook.observed ?? []);
  const totalOf = (counts: ReadonlyMap<number, number>): number => [...counts.values()].reduce((sum, count) => sum + count, 0);
  const [modelTotal, observedTotal] = [totalOf(model), totalOf(observed)];
  const lows = [...new Set([...model.keys(), ...observed.keys()])].sort((a, b) => a - b);
  return lows.map((low) => {
    const [ours, theirs] = [model.get(low) ?? 0, observed.get(low) ?? 0];
    return {
      low,
      model: ours,
      observed: theirs,
      modelShare: modelTotal === 0 ? 0 : ours / modelTotal,
      observedShare: observedTotal === 0 ? 0 : theirs / observedTotal,
    };
  });
}

/** Label of a power-of-two bucket in bpftrace's form, also beyond 2^32, where its own rows end: `[0]`, `[512, 1K)`. */
export function bucketLabel(low: number): string {
  return low < 2 ? `[${low}]` : `[${bound(low)}, ${bound(low * 2)})`;
}

function bound(value: number): string {
  for (const [size, suffix] of [
    [2 ** 30, "G"],
    [2 ** 20, "M"],
    [2 ** 10, "K"],
  ] as const) {
    if (value >= size && value % size === 0) return `${value / size}${suffix}`;
  }
  return String(value);
}
