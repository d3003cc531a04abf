/**
 * Histograms as bpftrace prints them: `hist()` by powers of two, `lhist()` in equal steps; text and `-f json`, byte for
 * byte as version 0.17.0 does (checked on recorded output and on the program itself).
 *
 * Quirks of that version which are kept: everything from 2^31 up is counted in `[2G, 4G)`, and JSON states that
 * bucket's bounds as the 32-bit numbers -2147483648 and 0; `lhist()` labels know K and M but no G (1 Gi is `1024M`);
 * what lies above the last full step of `lhist()` is counted in `[max, ...)`.
 */
import type { LogLinearCounter } from "../core/log-linear.js";

/** A value, and how often it was seen; values beyond 2^53 as bigint. */
export type ValueCount = readonly [value: number | bigint, count: number];

/** Range of `lhist()`: 0 ≤ min < max, step ≥ 1, whole numbers. */
export interface LinearRange {
  readonly min: number;
  readonly max: number;
  readonly step: number;
}

/** One printed row. JSON bounds are inclusive; an open end has none. */
export interface HistRow {
  readonly label: string;
  readonly count: number;
  readonly min?: number;
  readonly max?: number;
}

const LABEL_WIDTH = 16;
const COUNT_WIDTH = 8;
const BAR_WIDTH = 52;
const KIBI = 2 ** 10;
const MEBI = 2 ** 20;

/** The highest power of two with a bucket of its own; larger values join it. */
const HIGHEST_POWER = 31;
/** Buckets of `hist()`: negative, zero, then one for each power. */
const NEGATIVE = 0;
const ZERO = 1;
const FIRST_POWER = 2;
const LOG2_BUCKETS = FIRST_POWER + HIGHEST_POWER + 1;

/** Rows of `hist()`: from the first to the last bucket that is not empty. */
export function histRows(values: Iterable<ValueCount>): HistRow[] {
  const counts = new Array<number>(LOG2_BUCKETS).fill(0);
  for (const [value, count] of values) counts[log2Bucket(value)]! += count;
  return usedRows(counts, log2Row);
}

function log2Bucket(value: number | bigint): number {
  if (value < 0) return NEGATIVE;
  if (value < 1) return ZERO;
  let power = 0;
  while (power < HIGHEST_POWER && value >= 2 ** (power + 1)) power++;
  return FIRST_POWER + power;
}

function log2Row(bucket: number, count: number): HistRow {
  if (bucket === NEGATIVE) return { label: "(..., 0)", count, max: -1 };
  if (bucket <= FIRST_POWER) return { label: `[${bucket - ZERO}]`, count, min: bucket - ZERO, max: bucket - ZERO };
  const power = bucket - FIRST_POWER;
  // The bounds of JSON are made in 32 bits, as there.
  return { label: `[${powerLabel(power)}, ${powerLabel(power + 1)})`, count, min: 1 << power, max: ((1 << (power + 1)) - 1) | 0 };
}

function powerLabel(power: number): string {
  const [base, suffix] = power >= 30 ? [30, "G"] : power >= 20 ? [20, "M"] : power >= 10 ? [10, "K"] : [0, ""];
  return `${2 ** (power - base)}${suffix}`;
}

/** Rows of `lhist()`: from the first to the last bucket that is not empty. */
export function lhistRows(values: Iterable<ValueCount>, range: LinearRange): HistRow[] {
  const { min, max, step } = range;
  const whole = [min, max, step].every((each) => Number.isSafeInteger(each));
  if (!whole || min < 0 || max <= min || step < 1) throw new RangeError(`lhist(${min}, ${max}, ${step}) has no buckets`);
  const steps = Math.floor((max - min) / step);
  const above = 1 + steps;
  const counts = new Array<number>(above + 1).fill(0);
  for (const [value, count] of values) {
    const bucket = value < min ? 0 : value >= max ? above : Math.min(above, 1 + Math.floor((Number(value) - min) / step));
    counts[bucket]! += count;
  }
  return usedRows(counts, (bucket, count) => {
    if (bucket === 0) return { label: `(..., ${linearLabel(min)})`, count, max: min - 1 };
    if (bucket === above) return { label: `[${linearLabel(max)}, ...)`, count, min: max };
    const low = min + (bucket - 1) * step;
    return { label: `[${linearLabel(low)}, ${linearLabel(low + step)})`, count, min: low, max: low + step - 1 };
  });
}

function linearLabel(bound: number): string {
  if (bound !== 0 && bound % MEBI === 0) return `${bound / MEBI}M`;
  if (bound !== 0 && bound % KIBI === 0) return `${bound / KIBI}K`;
  return String(bound);
}

function usedRows(counts: readonly number[], row: (bucket: number, count: number) => HistRow): HistRow[] {
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  return first < 0 ? [] : counts.slice(first, last + 1).map((count, index) => row(first + index, count));
}

/** The values of a counter, each bucket by its lowest: exact for `hist()`, as no bucket reaches over a power of two. */
export function* countedValues(counter: LogLinearCounter): Generator<ValueCount> {
  const buckets: ValueCount[] = [];
  counter.forEach((lowest, _highest, count) => buckets.push([lowest, count]));
  yield* buckets;
}

/** A row's text: label, count, and a bar in proportion to the largest count of its block. */
export function rowText(row: HistRow, largest: number): string {
  const marks = largest === 0 ? 0 : Math.floor((BAR_WIDTH * row.count) / largest);
  const bar = "@".repeat(marks).padEnd(BAR_WIDTH);
  return `${row.label.padEnd(LABEL_WIDTH)}${String(row.count).padStart(COUNT_WIDTH)} |${bar}|`;
}

/** The rows' text. */
export function rowsText(rows: readonly HistRow[]): string[] {
  const largest = rows.reduce((most, { count }) => Math.max(most, count), 0);
  return rows.map((row) => rowText(row, largest));
}

/** One histogram of a map: the whole map when it has no key. */
export interface HistEntry {
  /** With its sign: `@usecs`. */
  readonly map: string;
  /** Parts of the key: texts or whole numbers. */
  readonly key?: readonly (string | number)[];
  readonly rows: readonly HistRow[];
}

/** What `blocks` returns: the header with its trailing blank, and the rows. */
export interface HistBlock {
  readonly header: string;
  readonly rows: readonly string[];
}

/** The blocks that bpftrace prints at its end: maps by name, keys of one map by rising total, then by their bytes. */
export function histBlocks(entries: readonly HistEntry[]): HistBlock[] {
  return inPrintOrder(entries).map(({ map, key, rows }) => ({
    header: key === undefined ? `${map}: ` : `${map}[${key.join(", ")}]: `,
    rows: rowsText(rows),
  }));
}

/** Blocks as standard output: an empty line after each. */
export function blocksText(blocks: readonly HistBlock[]): string {
  return blocks.map(({ header, rows }) => `${[header, ...rows].join("\n")}\n\n`).join("");
}

/** The lines of `-f json`, one for each map. */
export function histJson(entries: readonly HistEntry[]): string[] {
  const ordered = inPrintOrder(entries);
  const maps = [...new Set(ordered.map(({ map }) => map))];
  return maps.map((map) => {
    const ofMap = ordered.filter((entry) => entry.map === map);
    const keyed = ofMap.map(({ key, rows }) => (key === undefined ? rowsJson(rows) : `${JSON.stringify(key.join(","))}: ${rowsJson(rows)}`));
    const data = ofMap[0]?.key === undefined ? keyed[0]! : `{${keyed.join(", ")}}`;
    return `{"type": "hist", "data": {${JSON.stringify(map)}: ${data}}}`;
  });
}

function rowsJson(rows: readonly HistRow[]): string {
  const each = rows.map(({ min, max, count }) => {
    const fields = [["min", min], ["max", max], ["count", count]].filter(([, value]) => value !== undefined);
    return `{${fields.map(([name, value]) => `"${name}": ${value}`).join(", ")}}`;
  });
  return `[${each.join(", ")}]`;
}

function inPrintOrder(entries: readonly HistEntry[]): HistEntry[] {
  const sortable = entries.map((entry) => ({
    entry,
    name: Buffer.from(entry.map),
    total: entry.rows.reduce((sum, { count }) => sum + count, 0),
    key: Buffer.concat((entry.key ?? []).map(keyBytes)),
  }));
  sortable.sort((x, y) => x.name.compare(y.name) || x.total - y.total || x.key.compare(y.key));
  return sortable.map(({ entry }) => entry);
}

/** A key's bytes in the kernel's map: 64-bit little-endian numbers, texts padded with zeros to their 64 bytes. */
function keyBytes(part: string | number): Buffer {
  const bytes = Buffer.alloc(typeof part === "number" ? 8 : 64);
  if (typeof part === "number") bytes.writeBigInt64LE(BigInt(part));
  else bytes.write(part);
  return bytes;
}
