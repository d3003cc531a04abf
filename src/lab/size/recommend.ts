/** From a curve, a closed form and a run at the recommended size to what is said of one map. */
import { portableLog } from "../../core/portable-math.js";
import { formatCount, formatDuration, NS_PER_S } from "../../core/units.js";
import type { MapResult, VariantResult } from "../../observe/result.js";
import type { ClosedForm, SizedMapResult } from "../../observe/size-result.js";
import { estimate, smallest } from "../curve/evaluate.js";
import type { MapCurve } from "../curve/result.js";
import { allowed, connectionsOf, type Goal } from "./goals.js";
import { valueOf } from "./sized-maps.js";

/** Closed form and simulation may differ by this much before it is said why. */
const AGREEMENT = 0.1;
/** Pressures at which operators set alerts. */
const ALERTS = [0.7, 0.8, 0.9] as const;
/** Growth is taken over so long at least, ns. */
const GROWTH_SPAN_NS = 60 * NS_PER_S;

/** Entries that the goals need room for: the smallest map that the run's own curve allows. */
export function neededEntries(curve: MapCurve, goals: readonly Goal[], run: VariantResult): number {
  if (curve.made === 0) return curve.peak;
  const connections = connectionsOf(run);
  return curve.type === "hash"
    ? smallest(curve, allowed(goals, "inserts_refused", connections), "refused")
    : smallest(curve, allowed(goals, "live_evictions", connections), "evictionsLive");
}

export interface SizedMapFacts {
  readonly curve: MapCurve;
  readonly form: ClosedForm;
  /** As it is configured. */
  readonly now: MapResult;
  /** Recommended. */
  readonly size: number;
  readonly enough: number;
  readonly goals: readonly Goal[];
  /** At the recommended sizes. */
  readonly run: VariantResult;
  /** Of the load in a month, as a share. */
  readonly growth: number;
}

export function sizedMapResult({ curve, form, now, size, enough, goals, run, growth }: SizedMapFacts): SizedMapResult {
  const then = run.maps.find(({ name }) => name === curve.name)!;
  const needed = neededEntries(curve, goals, run);
  const { peak } = curve;
  return {
    map: curve.name,
    value: valueOf(curve.name) ?? curve.name,
    type: curve.type,
    current: now.maxEntries,
    origin: now.origin,
    recommended: size,
    enough,
    needed,
    peak,
    reason: reasonOf(curve, needed, now),
    disagreement: disagreementOf(curve, form, run),
    memoryNow: now.memoryBytes,
    memoryThen: then.maxEntries === size ? then.memoryBytes : now.memoryBytes,
    headroom: peak === 0 ? null : size / peak - 1,
    months: peak === 0 || growth <= 0 ? null : Math.max(0, portableLog(size / needed) / portableLog(1 + growth)),
    warnings: ALERTS.map((pressure) => ({ pressure, leadNs: leadTime(curve.name, size, pressure, run) })),
    curve: curve.points.map(({ maxEntries, refused, evictionsLive }) => ({ maxEntries, refused, evictionsLive })),
  };
}

function reasonOf(curve: MapCurve, needed: number, now: MapResult): string {
  if (curve.made === 0) return curve.peak === 0 ? "no entries under this load" : `${formatCount(curve.peak)} entries are there from the start, and none comes`;
  const dead = curve.peak > needed ? "" : ", dead ones that wait for GC included: the kernel's LRU does not know which are dead";
  const harm = curve.type === "hash" ? "refused" : "evictionsLive";
  const { value } = estimate(curve, now.maxEntries, harm);
  const today = value === 0 ? "" : `; today's ${formatCount(now.maxEntries)} ${curve.type === "hash" ? "refuse" : "evict"} about ${formatCount(Math.round(value))}${curve.type === "hash" ? "" : " live ones"}`;
  return `${formatCount(needed)} entries are in it at a time${curve.type === "hash" ? ", and a full map of this type refuses" : dead}${today}`;
}

/** Why the simulation's peak is not the closed form's; null when it is, within a tenth. */
function disagreementOf(curve: MapCurve, form: ClosedForm, run: VariantResult): string | null {
  if (form.entries === 0 && curve.peak === 0) return null;
  const difference = form.entries === 0 ? 1 : curve.peak / form.entries - 1;
  if (Math.abs(difference) <= AGREEMENT) return null;
  const said = `simulated ${formatCount(curve.peak)}, by hand ${formatCount(form.entries)}`;
  const gaps = run.gcRuns.slice(1).map(({ startNs }, i) => startNs - run.gcRuns[i]!.startNs);
  const longest = Math.max(0, ...gaps);
  const causes = [
    ...(form.lines.some(({ atMost, entries }) => atMost !== null && entries === atMost) ? ["connections of two addresses share their entries, and not all pairs speak"] : []),
    ...(form.gcIsAdaptive && gaps.length > 0 && Math.abs(longest / form.gcIntervalNs - 1) > AGREEMENT
      ? [`the adaptive GC interval went up to ${formatDuration(longest)}, by hand it is ${formatDuration(form.gcIntervalNs)}`]
      : []),
    ...(gaps.length === 0 ? ["GC ran but once in the run: nothing was collected in time"] : []),
    ...(form.lines.some(({ spanNs, connectionNs, lifetimeNs }) => spanNs < connectionNs + lifetimeNs + form.gcIntervalNs)
      ? ["a burst, or the run, is shorter than entries stay, and passes of GC fall into it as they come"]
      : []),
    ...(difference > 0 && form.lines.length > 1 ? ["bursts of several workloads fall together with what earlier ones left"] : []),
  ];
  return `${said}: ${causes.length === 0 ? "arrivals bunch, and no single term explains it" : causes.join("; ")}`;
}

/** Time from this pressure to a full map, at the fastest growth seen over a minute; null when the map did not grow. */
function leadTime(map: string, size: number, pressure: number, { series }: VariantResult): number | null {
  const entries = series.columns.find(({ name }) => name === `${map}_entries`)?.values;
  if (entries === undefined) return null;
  const steps = Math.max(1, Math.ceil(GROWTH_SPAN_NS / series.stepNs));
  let fastest = 0;
  for (let i = steps; i < entries.length; i++) fastest = Math.max(fastest, (entries[i]! - entries[i - steps]!) / (steps * series.stepNs));
  return fastest <= 0 ? null : ((1 - pressure) * size) / fastest;
}
