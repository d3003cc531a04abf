/**
 * `ctlab verify hdr`: histograms against the Java implementation of HdrHistogram. A JSON file holds values and what
 * Java says of them (statistics, percentiles, encoded form); a `.hlog` file holds encoded intervals, see hdr-log.ts.
 */
import { LogLinearCounter, type SignificantDigits } from "../../core/log-linear.js";
import { decodeHdr, encodeHdrPlain, HdrFormatError, inflateHdr } from "../../report/hdr-encoding.js";
import { HdrLayout } from "../../report/hdr-layout.js";
import { HdrSnapshot } from "../../report/hdr-snapshot.js";
import { type CaseOutcome, type Difference, type Verifier, passed } from "./case.js";
import { firstDifference } from "./compare.js";
import {
  eachCase, FieldError, type Fields, fieldsOf, listOf, numberOf, numberOrNull, onlyFields, parseVectors, textOf, unknownSections,
} from "./fields.js";
import { verifyHdrLog } from "./hdr-log.js";
import { differenceAtPeer } from "./hdr-peer.js";

const STATISTICS = ["total", "min", "min_nonzero", "max", "mean", "stddev", "percentiles"] as const;
const INPUT = ["lowest_discernible", "highest_trackable", "digits", "records", "expected_interval"] as const;
/** Words only. */
const INFORMATION = ["id", "title"] as const;
/** What Java gives as lowest value above zero when there is none: Long.MAX_VALUE, as a double. */
const JAVA_NONE = 2 ** 63;
/** An auto-resizing histogram starts with this highest trackable value. */
const AUTO_RESIZE_START = 2;

export const verifyHdr: Verifier = function* verifyHdr(file) {
  if (!/^\s*[{[]/.test(file.text)) {
    yield* verifyHdrLog(file);
    return;
  }
  const root = parseVectors(file, ["vectors"]);
  yield* eachCase(root, "vectors", (each, i) => String(each["id"] ?? i), verifyHistogram);
  yield* unknownSections(root, ["vectors", "tool"]);
};

type Records = readonly (readonly [value: number, count: number])[];

function verifyHistogram(each: Fields, id: string): CaseOutcome {
  onlyFields(each, [...INFORMATION, ...INPUT, ...STATISTICS, "compressed_base64"]);
  const records = recordsOf(each);
  const recorded = recordedSnapshot(each, records);
  const expected = expectedStatistics(each);
  const encoded = textOf(each, "compressed_base64");
  const difference =
    firstDifference("recorded", expected, statistics(recorded, records, expected)) ??
    firstDifference("decoded", expected, statistics(decode(encoded), records, expected)) ??
    firstDifference("encoded, before compression", inflateHdr(encoded).toString("hex"), encodeHdrPlain(recorded).toString("hex")) ??
    differenceAtPeer(recorded, expected) ??
    countedWhileRunning(each, records, expected);
  return difference === undefined ? passed(id, expected.total) : { id, difference };
}

/** Values and counts, with those that Java's correction for coordinated omission adds. */
function recordsOf(each: Fields): Records {
  const interval = "expected_interval" in each ? numberOrNull(each, "expected_interval") : null;
  return listOf(each, "records").flatMap((entry, index) => {
    const [value, count, ...more] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (!isCount(value) || !isCount(count) || more.length > 0) throw new FieldError(`records[${index}]`, "[value, count]", entry);
    return interval === null || interval <= 0 ? [[value, count] as const] : corrected(value, count, interval);
  });
}

function corrected(value: number, count: number, interval: number): Records {
  const all: (readonly [number, number])[] = [[value, count]];
  for (let missing = value - interval; missing >= interval; missing -= interval) all.push([missing, count]);
  return all;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The histogram that recording gives, with the layout for any lowest value and number of digits. */
function recordedSnapshot(each: Fields, records: Records): HdrSnapshot {
  const lowestDiscernible = numberOf(each, "lowest_discernible");
  const significantDigits = numberOf(each, "digits");
  const asked = numberOrNull(each, "highest_trackable");
  const layout = layoutOf(lowestDiscernible, significantDigits);
  const highest = records.reduce((most, [value]) => Math.max(most, value), 0);
  const limit = layout.coveredBy(asked ?? highest);
  if (highest > limit) throw new FieldError("records", `values up to ${limit}`, highest);
  const resized = highest > layout.coveredBy(AUTO_RESIZE_START) ? limit : AUTO_RESIZE_START;
  const counts = new Map<number, number>();
  for (const [value, count] of records) {
    const index = layout.indexOf(value);
    counts.set(index, (counts.get(index) ?? 0) + count);
  }
  return new HdrSnapshot({ lowestDiscernible, significantDigits, highestTrackable: asked ?? resized }, counts);
}

function layoutOf(lowestDiscernible: number, significantDigits: number): HdrLayout {
  try {
    return new HdrLayout(lowestDiscernible, significantDigits);
  } catch (error) {
    throw new FieldError("digits, lowest_discernible", (error as RangeError).message, [significantDigits, lowestDiscernible]);
  }
}

interface Statistics {
  readonly total: number;
  readonly min: number;
  readonly min_nonzero: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  readonly percentiles: Readonly<Record<string, number>>;
}

function expectedStatistics(each: Fields): Statistics {
  const percentiles = fieldsOf(each, "percentiles");
  for (const percentile of Object.keys(percentiles)) {
    if (!(Number(percentile) >= 0 && Number(percentile) <= 100)) throw new FieldError("percentiles", "0 … 100", percentile);
    numberOf(percentiles, percentile);
  }
  const number = (field: (typeof STATISTICS)[number]): number => numberOf(each, field);
  return {
    total: number("total"),
    min: number("min"),
    min_nonzero: numberOrNull(each, "min_nonzero") ?? JAVA_NONE,
    max: number("max"),
    mean: number("mean"),
    stddev: number("stddev"),
    percentiles: percentiles as Statistics["percentiles"],
  };
}

function statistics(snapshot: HdrSnapshot, records: Records, expected: Statistics): Statistics {
  // Java's maximum is that of the values, up to the end of its bucket, except that 0 stays 0 even in a coarse bucket.
  const onlyZeros = records.every(([value]) => value === 0);
  return {
    total: snapshot.total,
    min: snapshot.min,
    min_nonzero: snapshot.minNonZero ?? JAVA_NONE,
    max: onlyZeros ? 0 : snapshot.max,
    mean: snapshot.mean,
    stddev: snapshot.stdDeviation,
    percentiles: percentilesOf(expected, (percentile) => snapshot.valueAtPercentile(percentile)),
  };
}

function percentilesOf(expected: Statistics, value: (percentile: number) => number): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.keys(expected.percentiles).map((each) => [each, value(Number(each))]));
}

function decode(base64: string): HdrSnapshot {
  try {
    return decodeHdr(base64);
  } catch (error) {
    if (error instanceof HdrFormatError) throw new FieldError("compressed_base64", `a histogram, but it ${error.message}`, base64);
    throw error;
  }
}

/** The counter that runs use, where its layout applies. */
function countedWhileRunning(each: Fields, records: Records, expected: Statistics): Difference | undefined {
  const digits = numberOf(each, "digits");
  if (numberOf(each, "lowest_discernible") !== 1 || (digits !== 2 && digits !== 3)) return undefined;
  const highest = records.reduce((most, [value]) => Math.max(most, value), 1);
  const counter = new LogLinearCounter(digits satisfies SignificantDigits, highest);
  for (const [value, count] of records) counter.record(value, count);
  const { total, min, max, mean, percentiles } = expected;
  const actual = {
    total: counter.count,
    min: counter.min,
    max: counter.max,
    mean: counter.mean,
    percentiles: percentilesOf(expected, (percentile) => counter.valueAtPercentile(percentile)),
  };
  return firstDifference("counted while running", { total, min, max, mean, percentiles }, actual);
}
