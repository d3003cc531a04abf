/**
 * Leaf types of the scenario schema: a value with a unit, its written form for messages, and its form for editors.
 *
 * All of them take what YAML gave (a number or a text) and give parsed data, or an issue whose `expected` says what would
 * have been right.
 */

import { z } from "zod";
import { COUNT_FORM, DURATION_FORM, HORIZON_NS, formatCount, formatDuration, parseCount, parseDuration } from "../core/units.js";
import type { Bytes, Nanoseconds } from "../core/units.js";
import { respeltCount, respeltDuration, respeltRate } from "./unit-spelling.js";

/** What a leaf's reader gives for a value that does not fit: a reason, or undefined when the form says it all; and what would fit. */
export class Misfit {
  readonly reason: string | undefined;
  readonly nearest: string | undefined;

  constructor(reason?: string, nearest?: string) {
    this.reason = reason;
    this.nearest = nearest;
  }
}

export type Leaf<Value> = z.ZodPipe<z.ZodAny, z.ZodTransform<Value, unknown>>;

interface LeafForm<Value> {
  /** What fits, for messages. */
  readonly form: string;
  /** JSON Schema of what fits. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly read: (value: unknown) => Value | Misfit;
}

function leaf<Value>({ form, schema, read }: LeafForm<Value>): Leaf<Value> {
  const type = z.any().transform((value: unknown, context): Value => {
    const result = read(value);
    if (!(result instanceof Misfit)) return result;
    context.issues.push({ code: "custom", input: value, params: { expected: form, reason: result.reason, nearest: result.nearest } });
    return z.NEVER;
  });
  return type.meta(schema) as Leaf<Value>;
}

const DURATION_PATTERN = "^(0|(\\d+(\\.\\d+)?(ns|us|µs|ms|s|m|h|d))+)$";

/** Text of a YAML value that may be a number (0) or a text. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(value) : undefined;
}

interface DurationBounds {
  readonly min?: Nanoseconds;
  readonly max?: Nanoseconds;
}

/** A span of time; the horizon (104 days) bounds all of them. */
export function duration({ min = 0 as Nanoseconds, max = HORIZON_NS }: DurationBounds = {}): Leaf<Nanoseconds> {
  const atLeast = min > 0 ? ` of at least ${formatDuration(min)}` : "";
  return leaf({
    form: DURATION_FORM.replace("a duration", `a duration${atLeast}`),
    schema: { type: ["string", "integer"], pattern: DURATION_PATTERN, examples: ["250us", "10s", "12m30s"] },
    read: (value) => readDuration(value, min, max),
  });
}

function readDuration(value: unknown, min: number, max: number): Nanoseconds | Misfit {
  const text = textOf(value);
  if (text === undefined) return new Misfit();
  const span = parseDuration(text);
  if (span === undefined) return new Misfit(/^\s*\d+(\.\d+)?\s*$/.test(text) ? `${text.trim()} has no unit` : undefined, respeltDuration(text));
  if (span > HORIZON_NS) return new Misfit("it is beyond the horizon of 104 days, up to which nanoseconds are exact");
  if (span > max) return new Misfit(`it is longer than ${formatDuration(max)}`);
  return span < min ? new Misfit(`it is shorter than ${formatDuration(min)}`) : span;
}

/** From one duration to another, both included. */
export interface Span {
  readonly fromNs: Nanoseconds;
  readonly toNs: Nanoseconds;
}

const AFTER_RUN = "after-run";

/** When something expires: `2h..6h`, a single duration, or `after-run` (null). */
export function expiry(): Leaf<Span | null> {
  return leaf({
    form: `a duration, a range such as 2h..6h, or "${AFTER_RUN}"`,
    schema: { type: "string", examples: ["2h..6h", "45m", AFTER_RUN] },
    read: (value) => (value === AFTER_RUN ? null : readRange(value)),
  });
}

/** `1ms..3ms`. */
export function durationRange(): Leaf<Span> {
  return leaf({ form: "a range such as 1ms..3ms", schema: { type: "string", examples: ["1ms..3ms"] }, read: readRange });
}

function readRange(value: unknown): Span | Misfit {
  const ends = textOf(value)?.split("..");
  if (ends === undefined || ends.length > 2) return new Misfit();
  const from = readDuration(ends[0]!, 0, HORIZON_NS);
  const to = readDuration(ends.at(-1)!, 0, HORIZON_NS);
  if (from instanceof Misfit) return new Misfit(from.reason, respeltRange(ends));
  if (to instanceof Misfit) return new Misfit(to.reason, respeltRange(ends));
  return from > to ? new Misfit("it ends before it begins") : { fromNs: from, toNs: to };
}

function respeltRange(ends: readonly string[]): string | undefined {
  const respelt = ends.map(respeltDuration);
  return respelt.includes(undefined) ? undefined : respelt.join("..");
}

const PORT_MAX = 65_535;

/** `32768..60999`, both ends included. */
export function portRange(): Leaf<readonly [first: number, last: number]> {
  return leaf({
    form: "a range of ports such as 32768..60999",
    schema: { type: "string", pattern: "^\\d{1,5}\\.\\.\\d{1,5}$", examples: ["32768..60999"] },
    read: (value) => {
      const ends = typeof value === "string" ? /^(\d{1,5})\.\.(\d{1,5})$/.exec(value) : null;
      if (ends === null) return new Misfit();
      const [first, last] = [Number(ends[1]), Number(ends[2])];
      if (first < 1 || last > PORT_MAX) return new Misfit(`ports lie from 1 to ${PORT_MAX}`);
      return first > last ? new Misfit("it ends before it begins") : ([first, last] as const);
    },
  });
}

/** A whole number, also as `512Ki`. */
export function whole(min: number, max: number): Leaf<number> {
  return leaf({
    form: `${COUNT_FORM}, from ${formatCount(min)} to ${formatCount(max)}`,
    schema: { type: ["integer", "string"], minimum: min, maximum: max, pattern: "^\\d+(\\.\\d+)?(k|M|G|Ki|Mi|Gi|Ti)?$" },
    read: (value) => readWhole(value, min, max),
  });
}

function readWhole(value: unknown, min: number, max: number): number | Misfit {
  const count = typeof value === "number" ? value : typeof value === "string" ? parseCount(value) : undefined;
  if (count === undefined) return new Misfit(undefined, typeof value === "string" ? respeltCount(value) : undefined);
  if (!Number.isFinite(count)) return new Misfit("it is not a finite number");
  if (!Number.isInteger(count)) return new Misfit("it is not a whole number");
  if (count < min) return new Misfit(`it is less than ${formatCount(min)}`);
  return count > max ? new Misfit(`it is more than ${formatCount(max)}`) : count;
}

/** Memory in bytes, `64Gi`. */
export function bytes(min: number, max: number): Leaf<Bytes> {
  return leaf({
    form: "an amount of memory such as 64Gi or 512Mi",
    schema: { type: ["string", "integer"], examples: ["64Gi"] },
    read: (value) => {
      const count = readWhole(value, 0, Number.MAX_SAFE_INTEGER);
      if (count instanceof Misfit) return count;
      if (count < min) return new Misfit("it is too little for a node (is a unit missing?)");
      return count > max ? new Misfit("it is more than any node has") : (count as Bytes);
    },
  });
}

const BITS_SUFFIX = /\s*(?:bit\/s|bps|b\/s)$/;

/** Slowest link, bits a second; less is one whose unit was forgotten. */
const LINK_RATE_MIN = 1e6;

/** Speed of a link or of a pod, bits a second, at least `min`: `100G`, `25Gbit/s`. */
export function bitRate(min = LINK_RATE_MIN): Leaf<number> {
  return leaf({
    form: "a speed in bits a second such as 100G, 25Gbit/s or 1M",
    schema: { type: "string", pattern: "^\\d+(\\.\\d+)?[kMG]?(bit/s|bps|b/s)?$", examples: ["100G"] },
    read: (value) => {
      const rate = typeof value === "string" ? readWhole(value.replace(BITS_SUFFIX, ""), min, 1e13) : new Misfit();
      return rate;
    },
  });
}

const RATE_UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };
/** More arrivals than any node can see; keeps a slip of the finger from running for days. */
const RATE_MAX = 1e7;

/** Events a second: `2200/s`, `1.5k/s`, `30/m`. */
function readRate(value: unknown, zero = false): number | Misfit {
  const match = typeof value === "string" ? /^(\d+(?:\.\d+)?)\s*([kM]?)\/(s|m|h)$/.exec(value.trim()) : null;
  if (match === null) return typeof value === "number" ? new Misfit(`${value} has no unit`) : new Misfit(undefined, respeltRate(textOf(value) ?? ""));
  const perSecond = (Number(match[1]) * (match[2] === "k" ? 1e3 : match[2] === "M" ? 1e6 : 1)) / RATE_UNITS[match[3]!]!;
  if (perSecond === 0 && !zero) return new Misfit("it is zero");
  return perSecond > RATE_MAX ? new Misfit(`it is more than ${formatCount(RATE_MAX)}/s`) : perSecond;
}

/** Events a second. */
export function rate(): Leaf<number> {
  return leaf({
    form: "a rate such as 2200/s, 1.5k/s or 30/m",
    schema: { type: "string", pattern: "^\\d+(\\.\\d+)?\\s*[kM]?/(s|m|h)$", examples: ["2200/s"] },
    read: (value) => readRate(value),
  });
}

/** The same, or none: `0/s`. */
export function anyRate(): Leaf<number> {
  return leaf({
    form: "a rate such as 2200/s, 30/m or 0/s",
    schema: { type: "string", pattern: "^\\d+(\\.\\d+)?\\s*[kM]?/(s|m|h)$", examples: ["2200/s"] },
    read: (value) => readRate(value, true),
  });
}

/** A plain number between two bounds. */
export function decimal(min: number, max: number): Leaf<number> {
  return leaf({
    form: `a number from ${min} to ${max}`,
    schema: { type: "number", minimum: min, maximum: max },
    read: (value) => (typeof value === "number" && value >= min && value <= max ? value : new Misfit()),
  });
}

/** A share of a whole, 0 to 1: `0.05` or `5%`. */
export function share(): Leaf<number> {
  return leaf({
    form: "a share such as 0.05 or 5%",
    schema: {
      anyOf: [
        { type: "number", minimum: 0, maximum: 1 },
        { type: "string", pattern: "^\\d+(\\.\\d+)?%$" },
      ],
    },
    read: (value) => {
      const percent = typeof value === "string" ? /^(\d+(?:\.\d+)?)\s*%$/.exec(value.trim()) : null;
      const part = percent === null ? value : Number(percent[1]) / 100;
      if (typeof part !== "number") return new Misfit();
      return part >= 0 && part <= 1 ? part : new Misfit("it lies outside 0 … 1");
    },
  });
}

interface TextForm {
  readonly form: string;
  readonly pattern: RegExp;
  readonly examples?: readonly string[];
  /** A further check after the pattern. */
  readonly check?: (text: string) => Misfit | undefined;
}

/** A text of a given form. */
export function text({ form, pattern, examples = [], check }: TextForm): Leaf<string> {
  return leaf({
    form,
    schema: { type: "string", pattern: pattern.source, ...(examples.length > 0 ? { examples } : {}) },
    read: (value) => {
      if (typeof value !== "string" || !pattern.test(value)) return new Misfit();
      return check?.(value) ?? value;
    },
  });
}

const FREE_TEXT_MAX = 20_000;

/** Words for people. */
export function prose(): Leaf<string> {
  return leaf({
    form: "a text",
    schema: { type: "string" },
    read: (value) => {
      if (typeof value !== "string") return new Misfit();
      return value.length > FREE_TEXT_MAX ? new Misfit(`it is longer than ${FREE_TEXT_MAX} letters`) : value.trim();
    },
  });
}
