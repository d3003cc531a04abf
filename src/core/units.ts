/**
 * Quantities: branded numbers, and the text forms in which people write them.
 *
 * Simulated time is an integer number of nanoseconds in a double. Integers are exact up to 2^53 ns,
 * that is 104 days; `assertHorizon` checks a run against that once, at its start.
 */

declare const unit: unique symbol;

/** A number that remembers what it counts; erased at run time. */
export type Unit<Base, Name extends string> = Base & { readonly [unit]: Name };
/** Simulated time or a span of it, integer nanoseconds. */
export type Nanoseconds = Unit<number, "ns">;
/** Whole seconds of the datapath clock (`bpf_ktime_get_ns() / 1e9`, as conntrack lifetimes use it). */
export type Seconds = Unit<number, "s">;
/** Memory, bytes. */
export type Bytes = Unit<number, "B">;

/** Nanoseconds in a microsecond. */
export const NS_PER_US = 1e3;
/** Nanoseconds in a millisecond. */
export const NS_PER_MS = 1e6;
/** Nanoseconds in a second. */
export const NS_PER_S = 1e9;

/** The longest span that integer nanoseconds in a double hold exactly: 2^53 - 1 ns. */
export const HORIZON_NS = Number.MAX_SAFE_INTEGER as Nanoseconds;

/** Rounds to the nearest whole nanosecond. */
export function ns(value: number): Nanoseconds {
  return Math.round(value) as Nanoseconds;
}

/** Seconds (fractions allowed) as nanoseconds. */
export function seconds(value: number): Nanoseconds {
  return Math.round(value * NS_PER_S) as Nanoseconds;
}

/** The datapath clock at a simulated time: whole seconds, truncated as the kernel divides. */
export function clockSeconds(at: Nanoseconds): Seconds {
  return Math.floor(at / NS_PER_S) as Seconds;
}

/** Throws a `RangeError` when a run would leave the range in which nanoseconds are exact. */
export function assertHorizon(end: Nanoseconds): void {
  if (!(end >= 0 && end <= HORIZON_NS)) {
    throw new RangeError(`time horizon ${end} ns is outside 0 … 2^53-1 ns (104 days), where nanoseconds are exact`);
  }
}

const DURATION_UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: NS_PER_US,
  µs: NS_PER_US,
  ms: NS_PER_MS,
  s: NS_PER_S,
  m: 60 * NS_PER_S,
  h: 3600 * NS_PER_S,
  d: 86_400 * NS_PER_S,
};

/** What `parseDuration` accepts, for messages. */
export const DURATION_FORM = "a duration such as 250us, 500ms, 10s, 5m, 2h13m20s";

/**
 * Reads a duration in Go's form, as Cilium's options take it (`5m0s`, `1h30m`, `250us`), plus `d` for days.
 * Returns undefined when the text is not one.
 */
export function parseDuration(text: string): Nanoseconds | undefined {
  const trimmed = text.trim();
  if (trimmed === "0") return 0 as Nanoseconds;
  const part = /(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d)/gy;
  let total = 0;
  let end = 0;
  for (let match = part.exec(trimmed); match !== null; match = part.exec(trimmed)) {
    total += Number(match[1]) * DURATION_UNITS[match[2]!]!;
    end = part.lastIndex;
  }
  return end === trimmed.length && end > 0 ? ns(total) : undefined;
}

/** Below this, no rounding to three digits gives 1000. */
const ROUNDS_BELOW_1000 = 999.5;

/** A span in the shortest common form: `517 ms`, `1.02 s`, `2.4 µs`, `12m30s`. */
export function formatDuration(span: number): string {
  const sign = span < 0 ? "-" : "";
  const abs = Math.abs(span);
  if (abs === 0) return "0 s";
  // What would round to 1000 of a unit is shown in the next one.
  if (abs < ROUNDS_BELOW_1000) return `${sign}${trimNumber(abs)} ns`;
  if (abs < ROUNDS_BELOW_1000 * NS_PER_US) return `${sign}${trimNumber(abs / NS_PER_US)} µs`;
  if (abs < ROUNDS_BELOW_1000 * NS_PER_MS) return `${sign}${trimNumber(abs / NS_PER_MS)} ms`;
  if (abs < 120 * NS_PER_S) return `${sign}${trimNumber(abs / NS_PER_S)} s`;
  const whole = Math.round(abs / NS_PER_S);
  const h = Math.floor(whole / 3600);
  const m = Math.floor((whole % 3600) / 60);
  const s = whole % 60;
  return sign + (h > 0 ? `${h}h` : "") + (m > 0 || h > 0 ? `${m}m` : "") + (s > 0 || (h === 0 && m === 0) ? `${s}s` : "");
}

const COUNT_UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};

/** What `parseCount` accepts, for messages. */
export const COUNT_FORM = "a whole number such as 524288, 512Ki, 2Mi or 10k";

/** Reads a count or a size in bytes in Kubernetes' form (`512Ki`, `64Gi`, `10k`). Undefined when it is not one. */
export function parseCount(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(k|M|G|Ki|Mi|Gi|Ti)?$/.exec(text.trim());
  if (match === null) return undefined;
  const value = Number(match[1]) * COUNT_UNITS[match[2] ?? ""]!;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Bytes for people, in binary units: `136.0 MiB`. */
export function formatBytes(bytes: number): string {
  const names = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let step = 0;
  while (Math.abs(value) >= 1024 && step < names.length - 1) {
    value /= 1024;
    step++;
  }
  return step === 0 ? `${value} B` : `${value.toFixed(1)} ${names[step]}`;
}

/** A count with thousands separated: `524,288`. Independent of the machine's locale. */
export function formatCount(value: number): string {
  const [whole, fraction] = String(value).split(".") as [string, string?];
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ",");
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

/** Three significant digits without trailing zeros. */
function trimNumber(value: number): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}
