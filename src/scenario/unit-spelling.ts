/** "Did you mean" for units: what the text of a quantity would be with its unit as scenarios spell it. */

import { parseCount, parseDuration } from "../core/units.js";

/** Other spellings of the units of time, in small letters. */
const TIME_UNITS: Readonly<Record<string, readonly string[]>> = {
  ns: ["nsec", "nanos", "nanosecond", "nanoseconds"],
  us: ["usec", "micros", "microsecond", "microseconds"],
  ms: ["msec", "millis", "millisecond", "milliseconds"],
  s: ["sec", "secs", "second", "seconds"],
  m: ["min", "mins", "minute", "minutes"],
  h: ["hr", "hrs", "hour", "hours"],
  d: ["day", "days"],
};
const COUNT_UNITS = ["k", "M", "G", "Ki", "Mi", "Gi", "Ti"];
/** Per time, as rates have it. */
const RATE_UNITS = ["s", "m", "h"];

/** `3 sec` → `3s`; undefined when the units are not what is wrong. */
export function respeltDuration(text: string): string | undefined {
  const respelt = text.trim().replace(/\s*([A-Za-z]+)\s*/g, (_all, unit: string) => timeUnit(unit) ?? unit);
  return parseDuration(respelt) === undefined ? undefined : respelt;
}

/** `512KiB` → `512Ki`. */
export function respeltCount(text: string): string | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]i?)?(?:b|bytes?)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const [, digits, written = ""] = match;
  const unit = COUNT_UNITS.find((each) => each.toLowerCase() === written.toLowerCase()) ?? written;
  const respelt = `${digits!}${unit}`;
  return parseCount(respelt) === undefined ? undefined : respelt;
}

/** `100 per second`, `100rps` → `100/s`. */
export function respeltRate(text: string): string | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(k|m(?![a-z]))?\s*(?:[rqc]ps|(?:\/|per\b)\s*([a-z]+))$/i.exec(text.trim());
  if (match === null) return undefined;
  const [, digits, many = "", per = "s"] = match;
  const unit = timeUnit(per);
  return unit === undefined || !RATE_UNITS.includes(unit) ? undefined : `${digits!}${many.toLowerCase() === "k" ? "k" : many.toUpperCase()}/${unit}`;
}

function timeUnit(written: string): string | undefined {
  const small = written.toLowerCase();
  return Object.entries(TIME_UNITS).find(([unit, others]) => unit === small || others.includes(small))?.[0];
}
