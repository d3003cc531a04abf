/**
 * Times as the client reads and prints them: Go's layouts of `--time-format`, durations, and what `--since` and `--until`
 * take. Stands for hubble's pkg/time and Go's time.Format, time.Parse, time.ParseDuration and Duration.String. Always UTC.
 */

/** google.protobuf.Timestamp; nanoseconds are never negative. */
export interface Instant {
  readonly seconds: bigint;
  readonly nanos: number;
}

const NS_PER_SECOND = 1_000_000_000n;
const MS_PER_SECOND = 1000;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: outside of them a timestamp is not valid. */
const SECONDS_MIN = -62_135_596_800n;
const SECONDS_MAX = 253_402_300_799n;
const NO_TIME = "N/A";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"] as const;

interface Parts {
  readonly year: string;
  readonly month: string;
  readonly day: string;
  readonly hour: string;
  readonly minute: string;
  readonly second: string;
  readonly monthName: string;
  readonly dayBlank: string;
  readonly dayName: string;
  /** Nine digits. */
  readonly nanos: string;
}

type Layout = (parts: Parts) => string;

const date = (p: Parts): string => `${p.year}-${p.month}-${p.day}`;
const dateTime = (p: Parts): string => `${date(p)}T${p.hour}:${p.minute}:${p.second}`;
/** Digits of the fraction without trailing zeros, cut and not rounded; nothing when none remain. */
const fraction = (p: Parts, digits: number): string => {
  const shown = p.nanos.slice(0, digits).replace(/0+$/, "");
  return shown === "" ? "" : `.${shown}`;
};

const LAYOUTS = {
  stampmilli: (p) => `${p.monthName} ${p.dayBlank} ${p.hour}:${p.minute}:${p.second}.${p.nanos.slice(0, 3)}`,
  yearmonthday: date,
  yearmonthdayhour: (p) => `${date(p)}T${p.hour}Z`,
  yearmonthdayhourminute: (p) => `${date(p)}T${p.hour}:${p.minute}Z`,
  rfc3339: (p) => `${dateTime(p)}Z`,
  rfc3339milli: (p) => `${dateTime(p)}${fraction(p, 3)}Z`,
  rfc3339micro: (p) => `${dateTime(p)}${fraction(p, 6)}Z`,
  rfc3339nano: (p) => `${dateTime(p)}${fraction(p, 9)}Z`,
  rfc1123z: (p) => `${p.dayName}, ${p.day} ${p.monthName} ${p.year} ${p.hour}:${p.minute}:${p.second} +0000`,
} as const satisfies Record<string, Layout>;

export type TimeLayout = keyof typeof LAYOUTS;

/** Names that `--time-format` takes, as help spells them. */
export const TIME_FORMATS = [
  "StampMilli",
  "YearMonthDay",
  "YearMonthDayHour",
  "YearMonthDayHourMinute",
  "RFC3339",
  "RFC3339Milli",
  "RFC3339Micro",
  "RFC3339Nano",
  "RFC1123Z",
] as const;

/** The layout of a name in any case; names that nobody knows mean StampMilli, as in the client. */
export function timeLayout(name: string): TimeLayout {
  const lower = name.toLowerCase();
  return Object.hasOwn(LAYOUTS, lower) ? (lower as TimeLayout) : "stampmilli";
}

/** A timestamp in a layout; `N/A` for none, or one outside of the years 1 to 9999. */
export function formatTime(layout: TimeLayout, instant: Instant | undefined): string {
  if (instant === undefined || !isValid(instant)) return NO_TIME;
  return LAYOUTS[layout](partsOf(instant));
}

function isValid({ seconds, nanos }: Instant): boolean {
  return seconds >= SECONDS_MIN && seconds <= SECONDS_MAX && nanos >= 0 && nanos < Number(NS_PER_SECOND);
}

function partsOf({ seconds, nanos }: Instant): Parts {
  const utc = new Date(Number(seconds) * MS_PER_SECOND);
  const two = (value: number): string => String(value).padStart(2, "0");
  return {
    year: String(utc.getUTCFullYear()).padStart(4, "0"),
    month: two(utc.getUTCMonth() + 1),
    day: two(utc.getUTCDate()),
    hour: two(utc.getUTCHours()),
    minute: two(utc.getUTCMinutes()),
    second: two(utc.getUTCSeconds()),
    monthName: MONTHS[utc.getUTCMonth()]!,
    dayBlank: String(utc.getUTCDate()).padStart(2, " "),
    dayName: DAYS[utc.getUTCDay()]!,
    nanos: String(nanos).padStart(9, "0"),
  };
}

/** Nanoseconds since 1970. */
export function instantNs({ seconds, nanos }: Instant): bigint {
  return seconds * NS_PER_SECOND + BigInt(nanos);
}

export function instantFromNs(ns: bigint): Instant {
  const nanos = ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  return { seconds: (ns - nanos) / NS_PER_SECOND, nanos: Number(nanos) };
}

const UNITS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  "µs": 1000n,
  "μs": 1000n,
  ms: 1_000_000n,
  s: NS_PER_SECOND,
  m: 60n * NS_PER_SECOND,
  h: 3600n * NS_PER_SECOND,
};
const INT64_MAX = (1n << 63n) - 1n;
const DURATION = /^([-+]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
const DURATION_PART = /(\d*)\.?(\d*)(ns|us|µs|μs|ms|s|m|h)/g;

/** time.ParseDuration, ns; undefined when it is none. */
export function parseGoDuration(text: string): bigint | undefined {
  if (/^[-+]?0$/.test(text)) return 0n;
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  let total = 0n;
  for (const [, whole, fractional, unit] of match[2]!.matchAll(DURATION_PART)) {
    const scale = 10n ** BigInt(fractional!.length);
    total += BigInt(whole === "" ? 0 : whole!) * UNITS[unit!]! + (BigInt(fractional === "" ? 0 : fractional!) * UNITS[unit!]!) / scale;
  }
  if (total > INT64_MAX) return undefined;
  return match[1] === "-" ? -total : total;
}

/** Duration.String of a count of nanoseconds that fits an int64. */
export function formatGoDuration(ns: bigint): string {
  if (ns === 0n) return "0s";
  const sign = ns < 0n ? "-" : "";
  const size = ns < 0n ? -ns : ns;
  if (size < 1000n) return `${sign}${size}ns`;
  if (size < 1_000_000n) return `${sign}${decimal(size, 1000n)}µs`;
  if (size < NS_PER_SECOND) return `${sign}${decimal(size, 1_000_000n)}ms`;
  const minutes = size / UNITS["m"]!;
  const seconds = `${decimal(size % UNITS["m"]!, NS_PER_SECOND)}s`;
  if (minutes === 0n) return sign + seconds;
  return minutes < 60n ? `${sign}${minutes}m${seconds}` : `${sign}${minutes / 60n}h${minutes % 60n}m${seconds}`;
}

function decimal(value: bigint, unit: bigint): string {
  const rest = String(value % unit).padStart(String(unit).length - 1, "0").replace(/0+$/, "");
  return rest === "" ? String(value / unit) : `${value / unit}.${rest}`;
}

const ZONE = String.raw`(Z|[-+]\d\d:\d\d)`;
const DATE = String.raw`(\d{4})-(\d\d)-(\d\d)`;
/** What time.Parse takes for the layouts without a name of the day. A fraction may follow seconds in any of them. */
const ISO = new RegExp(`^${DATE}(?:T(\\d{1,2})(?::(\\d\\d)(?::(\\d\\d)(?:[.,](\\d+))?)?)?${ZONE})?$`);
const RFC1123Z = /^[A-Z][a-z]{2}, (\d\d?) ([A-Z][a-z]{2}) (\d{4}) (\d\d?):(\d\d):(\d\d)(?:[.,](\d+))? ([-+]\d\d)(\d\d)$/;

/** What `--since` and `--until` take: a duration back from `now`, or a date. Throws an Error in the client's words. */
export function parseTime(text: string, now: Instant): Instant {
  const back = parseGoDuration(text);
  if (back !== undefined) return instantFromNs(instantNs(now) - back);
  const instant = parseDate(text);
  if (instant === undefined) throw new Error(`failed to convert ${text} to time`);
  return instant;
}

/** What Go takes for RFC 3339: also a comma before the fraction, and one digit for the hour. */
const RFC3339 = new RegExp(`^${DATE}T(\\d{1,2}):(\\d\\d):(\\d\\d)(?:[.,](\\d{1,9}))?${ZONE}$`);

/** A time in JSON, as Go's protojson reads it; undefined when it is none. */
export function parseRfc3339(text: string): Instant | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, digits = "", zone] = match;
  const instant = instantOf(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second), digits, zone!);
  return instant !== undefined && isValid(instant) ? instant : undefined;
}

function parseDate(text: string): Instant | undefined {
  const iso = ISO.exec(text);
  if (iso !== null) {
    const [, year, month, day, hour = "0", minute = "0", second = "0", digits = "", zone = "Z"] = iso;
    return instantOf(Number(year), Number(month), Number(day), Number(hour), Number(minute), Number(second), digits, zone);
  }
  const rfc = RFC1123Z.exec(text);
  if (rfc === null) return undefined;
  const [, day, monthName, year, hour, minute, second, digits = "", zoneHours, zoneMinutes] = rfc;
  const month = MONTHS.indexOf(monthName as (typeof MONTHS)[number]) + 1;
  return instantOf(Number(year), month, Number(day), Number(hour), Number(minute), Number(second), digits, `${zoneHours!}:${zoneMinutes!}`);
}

function instantOf(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  digits: string,
  zone: string,
): Instant | undefined {
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined;
  const utc = new Date(0);
  utc.setUTCFullYear(year, month - 1, day);
  utc.setUTCHours(hour, minute, second);
  if (utc.getUTCDate() !== day) return undefined;
  if (zone !== "Z" && (Number(zone.slice(1, 3)) > 24 || Number(zone.slice(4, 6)) > 60)) return undefined;
  const offset = zone === "Z" ? 0 : Number(`${zone[0]!}1`) * (Number(zone.slice(1, 3)) * 3600 + Number(zone.slice(4, 6)) * 60);
  const nanos = Number(digits.slice(0, 9).padEnd(9, "0"));
  return { seconds: BigInt(utc.getTime() / MS_PER_SECOND - offset), nanos };
}
