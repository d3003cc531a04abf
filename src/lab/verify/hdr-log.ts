/**
 * Histogram logs for `ctlab verify hdr`: each interval is decoded, written again by our writer and compared, text and
 * uncompressed bytes; compressed bytes differ with every zlib and are not. One case for the head, one per interval.
 */
import { decodeHdr, encodeHdrPlain, HdrFormatError, inflateHdr } from "../../report/hdr-encoding.js";
import type { HdrSnapshot } from "../../report/hdr-snapshot.js";
import { intervalLine, startTimeLine } from "../../report/hlog.js";
import { type CaseOutcome, type VectorFile, VectorFileError, failed, passed } from "./case.js";
import { differenceAtPeer } from "./hdr-peer.js";

const VERSION_LINE = "#[Histogram log format version 1.3]";
const LEGEND_LINE = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"';
const INTERVAL = /^(?:Tag=([^\s,]+),)?(\d+\.\d{3}),(\d+\.\d{3}),(\d+\.\d{3}),(\S+)$/;
/** Divisors of Interval_Max that writers use, Java's default first. */
const UNIT_RATIOS = [1e6, 1e3, 1, 1e9] as const;
const PERCENTILES = [0, 50, 90, 99, 99.9, 100] as const;
const NS_PER_MS = 1e6;

interface Interval {
  readonly line: number;
  readonly text: string;
  readonly tag: string | undefined;
  readonly startMs: number;
  readonly lengthMs: number;
  readonly max: string;
  readonly base64: string;
  readonly snapshot: HdrSnapshot;
}

export function* verifyHdrLog(file: VectorFile): Generator<CaseOutcome> {
  const lines = file.text.split("\n");
  if (lines.pop() !== "") throw new VectorFileError(file.path, "ends inside a line", lines.length + 1);
  const head: string[] = [];
  const intervals: Interval[] = [];
  for (const [index, line] of lines.entries()) {
    if (/^[#"]/.test(line)) head.push(line);
    else intervals.push(parseInterval(file, line, index + 1));
  }
  if (intervals.length === 0) throw new VectorFileError(file.path, "holds no interval", lines.length);
  yield verifyHead(head);
  const ratio = unitRatio(intervals);
  for (const interval of intervals) yield verifyInterval(interval, ratio);
}

function parseInterval(file: VectorFile, text: string, line: number): Interval {
  const match = INTERVAL.exec(text);
  if (match === null) throw new VectorFileError(file.path, "is no interval ([Tag=NAME,]start,length,max,histogram)", line);
  const [, tag, start, length, max, base64] = match;
  try {
    const snapshot = decodeHdr(base64!);
    return { line, text, tag, startMs: milliseconds(start!), lengthMs: milliseconds(length!), max: max!, base64: base64!, snapshot };
  } catch (error) {
    if (error instanceof HdrFormatError) throw new VectorFileError(file.path, `the histogram ${error.message}`, line);
    throw error;
  }
}

function milliseconds(seconds: string): number {
  return Number(seconds.replace(".", ""));
}

/** Comments are free; the version and the legend have one form, the start time's date is compared when it is in UTC. */
function verifyHead(head: readonly string[]): CaseOutcome {
  if (!head.includes(VERSION_LINE)) return failed("head", "version", VERSION_LINE, head[0] ?? "nothing");
  if (!head.includes(LEGEND_LINE)) return failed("head", "legend", LEGEND_LINE, head.at(-1) ?? "nothing");
  for (const line of head) {
    if (line.startsWith('"') && line !== LEGEND_LINE) return failed("head", "legend", LEGEND_LINE, line);
    if (!line.startsWith("#[")) continue;
    const start = /^#\[StartTime: (\d+\.\d{3}) \(seconds since epoch\), .* (\S+) \d+\]$/.exec(line);
    const base = /^#\[BaseTime: \d+\.\d{3} \(seconds since epoch\)\]$/.test(line);
    if (start === null && !base && line !== VERSION_LINE) return failed("head", "header line", "version, StartTime or BaseTime", line);
    if (start?.[2] !== "UTC") continue;
    const ours = startTimeLine(milliseconds(start[1]!));
    if (ours !== line) return failed("head", "StartTime", line, ours);
  }
  return passed("head");
}

/** The divisor that fits the first interval with a value in it; Java's when none does. */
function unitRatio(intervals: readonly Interval[]): number {
  const first = intervals.find(({ snapshot }) => snapshot.max > 0);
  const fits = UNIT_RATIOS.find((ratio) => first !== undefined && (first.snapshot.max / ratio).toFixed(3) === first.max);
  return fits ?? UNIT_RATIOS[0];
}

function verifyInterval(interval: Interval, ratio: number): CaseOutcome {
  const { tag, startMs, lengthMs, snapshot, base64, text } = interval;
  const id = `line ${interval.line}${tag === undefined ? "" : ` ${tag}`}`;
  const ours = intervalLine({ ...(tag === undefined ? {} : { tag }), startNs: 0, endNs: lengthMs * NS_PER_MS, counter: snapshot }, startMs, ratio);
  const withoutHistogram = (line: string): string => line.slice(0, line.lastIndexOf(","));
  if (withoutHistogram(ours) !== withoutHistogram(text)) return failed(id, "fields", withoutHistogram(text), withoutHistogram(ours));
  const recorded = inflateHdr(base64).toString("hex");
  const rewritten = encodeHdrPlain(snapshot).toString("hex");
  if (rewritten !== recorded) return failed(id, "histogram before compression", recorded, rewritten);
  const percentiles = Object.fromEntries(PERCENTILES.map((each) => [each, snapshot.valueAtPercentile(each)]));
  const difference = differenceAtPeer(snapshot, { total: snapshot.total, percentiles });
  return difference === undefined ? passed(id, snapshot.total) : { id, difference };
}
