/**
 * HdrHistogram logs (`.hlog`, format version 1.3), as Java's HistogramLogWriter writes them: readable by the Java
 * tools (HistogramLogProcessor, HistogramLogAnalyzer), hdr-histogram-js and others. Stamps are absolute seconds, so
 * there is no BaseTime line.
 */
import type { LogLinearCounter } from "../core/log-linear.js";
import { NS_PER_MS } from "../core/units.js";
import { encodeHdr } from "./hdr-encoding.js";
import { HdrSnapshot } from "./hdr-snapshot.js";

const FORMAT_VERSION = "1.3";
const LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"';
const MS_PER_S = 1000;

/** One channel's values over one stretch of time. */
export interface HdrLogInterval {
  /** Channel; without it the interval is untagged. No blank, comma or line break: readers split there. */
  readonly tag?: string;
  /** Nanoseconds since the start of the log; written in whole milliseconds. */
  readonly startNs: number;
  readonly endNs: number;
  readonly counter: LogLinearCounter | HdrSnapshot;
}

export interface HdrLogOptions {
  /** When the log starts, milliseconds since 1970 UTC. Simulated time has no date: default 0. */
  readonly startMs?: number;
  /** Lines of text for the head of the log. */
  readonly comments?: readonly string[];
  /** Interval_Max is the highest value divided by this. Default 1e6, as Java: nanoseconds shown in milliseconds. */
  readonly maxValueUnitRatio?: number;
}

/** The whole log as text. Intervals should come in the order of their start, as readers expect. */
export function hdrLog(intervals: readonly HdrLogInterval[], options: HdrLogOptions = {}): string {
  const { startMs = 0, comments = [], maxValueUnitRatio = NS_PER_MS } = options;
  const lines = [
    ...comments.map(commentLine),
    `#[Histogram log format version ${FORMAT_VERSION}]`,
    startTimeLine(startMs),
    LEGEND,
    ...intervals.map((interval) => intervalLine(interval, startMs, maxValueUnitRatio)),
  ];
  return `${lines.join("\n")}\n`;
}

function commentLine(text: string): string {
  if (/[\r\n]/.test(text)) throw new RangeError("a comment of a histogram log is one line");
  return `#${text}`;
}

/** `#[StartTime: 1753750000.000 (seconds since epoch), Tue Jul 29 00:46:40 UTC 2025]` */
export function startTimeLine(startMs: number): string {
  // toUTCString is fixed by the standard: "Tue, 29 Jul 2025 00:46:40 GMT".
  const [weekday, day, month, year, time] = new Date(startMs).toUTCString().replace(",", "").split(" ");
  return `#[StartTime: ${secondsText(startMs)} (seconds since epoch), ${weekday} ${month} ${day} ${time} UTC ${year}]`;
}

/** One interval's line, without its line break. */
export function intervalLine(interval: HdrLogInterval, startMs: number, maxValueUnitRatio: number): string {
  const { tag, startNs, endNs, counter } = interval;
  if (tag !== undefined && !/^[^\s,]+$/.test(tag)) throw new RangeError(`tag "${tag}" has a blank or comma, or is empty`);
  const snapshot = counter instanceof HdrSnapshot ? counter : HdrSnapshot.fromCounter(counter);
  const from = startMs + Math.round(startNs / NS_PER_MS);
  const to = startMs + Math.round(endNs / NS_PER_MS);
  const fields = [
    secondsText(from),
    secondsText(to - from),
    (snapshot.max / maxValueUnitRatio).toFixed(3),
    encodeHdr(snapshot),
  ];
  return (tag === undefined ? "" : `Tag=${tag},`) + fields.join(",");
}

/** Whole milliseconds as seconds with three decimals; by digits, so that no rounding comes in. */
function secondsText(ms: number): string {
  if (!(Number.isSafeInteger(ms) && ms >= 0)) throw new RangeError(`${ms} ms is no time for a histogram log`);
  return `${Math.floor(ms / MS_PER_S)}.${String(ms % MS_PER_S).padStart(3, "0")}`;
}
