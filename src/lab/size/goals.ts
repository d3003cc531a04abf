/** What a size has to achieve: goals as text, and whether runs met them, with the interval that so many runs leave. */
import { formatCount, formatDuration } from "../../core/units.js";
import type { LatencySummary, VariantResult } from "../../observe/result.js";
import type { GoalResult } from "../../observe/size-result.js";
import { shareText, seenText } from "../../report/wording.js";
import { Diagnostics } from "../../scenario/diagnostics.js";
import { ExpectationError, parseExpectation, type Expectation, type ExpectationNames } from "../../scenario/expect.js";
import { shareInterval } from "../../stats/binomial.js";
import { bucketQuantileInterval, type CountedBucket } from "../../stats/quantile.js";
import { judge } from "../expectations.js";
import { CONNECTION_MAPS } from "./sized-maps.js";

/** What happens to connections because a map is too small. */
const HARMS = { live_evictions: "evictionsLive", inserts_refused: "insertsRefused" } as const;
export type Harm = keyof typeof HARMS;

export type Goal =
  /** At most so many of these for each connection (or exchange of datagrams). */
  | { readonly kind: "rate"; readonly text: string; readonly harm: Harm; readonly limit: number }
  /** A figure, as in `expect:` lines. */
  | { readonly kind: "figure"; readonly text: string; readonly expectation: Expectation };

export const DEFAULT_GOALS = ["live_evictions < 1e-6 per connection", "inserts_refused < 1e-6 per connection"] as const;

const OPTION = "--goal";
const RATE_FORM = /^\s*([a-z_]+)\s*<=?\s*(\S+)\s+per\s+connection\s*$/;

/** Throws one `InputError` with everything that is wrong in the goals. */
export function parseGoals(texts: readonly string[], names: ExpectationNames): readonly Goal[] {
  const found = new Diagnostics();
  const goals = texts.flatMap((text) => parseGoal(text, names, found) ?? []);
  found.throwIfErrors();
  return goals;
}

function parseGoal(text: string, names: ExpectationNames, found: Diagnostics): Goal | undefined {
  const rate = RATE_FORM.exec(text);
  if (rate !== null) return parseRate(text, rate[1]!, rate[2]!, found);
  try {
    return { kind: "figure", text, expectation: { ...parseExpectation(text, names), file: OPTION, line: 1 } };
  } catch (error) {
    if (!(error instanceof ExpectationError)) throw error;
    const expected = error.expected ?? "a figure with a bound, syn_latency_p99 < 10ms, or live_evictions < 1e-6 per connection";
    found.unreadable(OPTION, `"${text}": ${error.message}`, { expected, names: error.names });
    return undefined;
  }
}

function parseRate(text: string, name: string, bound: string, found: Diagnostics): Goal | undefined {
  const harm = Object.keys(HARMS).find((each): each is Harm => each === name);
  const limit = /^(\d+(\.\d+)?|\.\d+)(e-?\d+)?$/.test(bound) ? Number(bound) : NaN;
  if (harm === undefined) {
    const valid = Object.keys(HARMS);
    found.unreadable(OPTION, `"${text}": nothing is called "${name}" per connection`, { expected: `one of ${valid.join(", ")}`, names: { written: name, valid } });
  } else if (!(limit > 0)) {
    found.unreadable(OPTION, `"${text}": "${bound}" is no rate`, { expected: "a number above 0, such as 1e-6" });
  } else return { kind: "rate", text, harm, limit };
  return undefined;
}

/** Harm per connection that no goal speaks of: as the default goals have it. */
const UNSAID = 1e-6;

/** So many of a harm the goals allow in so many connections. */
export function allowed(goals: readonly Goal[], harm: Harm, connections: number): number {
  const limits = goals.flatMap((goal) => (goal.kind === "rate" && goal.harm === harm ? [goal.limit] : []));
  return connections * (limits.length === 0 ? UNSAID : Math.min(...limits));
}

/** Over several runs at the same sizes, on a node with so many CPUs. */
export function evaluate(goal: Goal, runs: readonly VariantResult[], cpus: number): GoalResult {
  return goal.kind === "rate" ? evaluateRate(goal, runs, cpus) : evaluateFigure(goal.text, goal.expectation, runs);
}

function evaluateRate({ text, harm, limit }: Goal & { kind: "rate" }, runs: readonly VariantResult[], cpus: number): GoalResult {
  const trials = runs.reduce((sum, run) => sum + connectionsOf(run), 0);
  const events = runs.reduce((sum, run) => sum + mapsOf(run).reduce((total, map) => total + map[HARMS[harm]], 0), 0);
  if (trials === 0) return { text, outcome: "inconclusive", actual: "no connections" };
  if (events === 0 && runs.every((run) => hadRoom(run, cpus))) {
    return { text, outcome: "met", actual: `${seenText(0, trials)}, and no map ever came near its limit` };
  }
  const { low, high } = shareInterval(Math.min(events, trials), trials);
  const outcome = high < limit ? "met" : low > limit ? "missed" : "inconclusive";
  const actual = events === 0 ? seenText(0, trials) : `${seenText(events, trials)}, 95 %: ${shareText(low)} to ${shareText(high)}`;
  return { text, outcome, actual };
}

/** Free elements that a kernel's LRU keeps ready on each CPU: it evicts before it is full to the last one. LOCAL_FREE_TARGET, bpf_lru_list.c. */
const FREE_PER_CPU = 128;

/** No map was so full that it could have evicted or refused. */
function hadRoom(run: VariantResult, cpus: number): boolean {
  return mapsOf(run).every(({ entriesMax, maxEntries }) => entriesMax < maxEntries - cpus * FREE_PER_CPU);
}

function mapsOf({ maps }: VariantResult): VariantResult["maps"] {
  return maps.filter(({ name }) => CONNECTION_MAPS.some((each) => each === name));
}

/** Connections and exchanges of datagrams. */
export function connectionsOf({ counts }: VariantResult): number {
  return counts.connectionsOpened + counts.queriesStarted;
}

const QUANTILES: Readonly<Record<string, number>> = { p50: 0.5, p90: 0.9, p99: 0.99, p999: 0.999 };

function evaluateFigure(text: string, expectation: Expectation, runs: readonly VariantResult[]): GoalResult {
  const latency = /^(syn_latency|request_latency)_(p50|p90|p99|p999)$/.exec(expectation.metric);
  if (latency !== null && ["<", "<="].includes(expectation.comparison)) {
    const window = expectation.labels["window"] ?? "all";
    const summaries = runs.flatMap((run) => (latency[1] === "syn_latency" ? run.synLatency : run.requestLatency)[window] ?? []);
    return evaluateQuantile(text, QUANTILES[latency[2]!]!, expectation.value, summaries);
  }
  const judged = runs.map((run) => judge([expectation], run)[0]!);
  const outcome = judged.find((each) => each.outcome === "missed")?.outcome ?? judged.find((each) => each.outcome === "inconclusive")?.outcome ?? "met";
  return { text, outcome, actual: judged.map(({ actual }) => actual).join("; ") };
}

function evaluateQuantile(text: string, q: number, bound: number, summaries: readonly LatencySummary[]): GoalResult {
  const buckets = merged(summaries.flatMap((summary) => summary.buckets));
  const n = buckets.reduce((sum, [, , count]) => sum + count, 0);
  if (n === 0) return { text, outcome: "inconclusive", actual: "no samples" };
  const { value, low, high } = bucketQuantileInterval(buckets, q);
  const outcome = high !== null && high < bound ? "met" : low !== null && low > bound ? "missed" : "inconclusive";
  const shown = (edge: number | null): string => (edge === null ? "?" : formatDuration(edge));
  return { text, outcome, actual: `${formatDuration(value)} of ${formatCount(n)}, 95 %: ${shown(low)} to ${shown(high)}` };
}

function merged(buckets: readonly CountedBucket[]): readonly CountedBucket[] {
  const byLow = new Map<number, CountedBucket>();
  for (const [low, high, count] of buckets) byLow.set(low, [low, high, (byLow.get(low)?.[2] ?? 0) + count]);
  return [...byLow.values()].sort((a, b) => a[0] - b[0]);
}
