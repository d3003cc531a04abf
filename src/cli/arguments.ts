/** Readers of option values, for commander. */
import { InvalidArgumentError } from "commander";

/** An option that may be given several times. */
export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("a whole number, 0 or more, is expected");
  return Number(text);
}

export function positiveNumber(text: string): number {
  const value = wholeNumber(text);
  if (value < 1) throw new InvalidArgumentError("a whole number, 1 or more, is expected");
  return value;
}

/** A share between 0 and 1, as such or in per cent: `0.05`, `5%`. */
export function shareOption(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text);
  const value = match === null ? NaN : Number(match[1]) / (match[2] === "%" ? 100 : 1);
  if (!(value >= 0 && value < 1)) throw new InvalidArgumentError("a share from 0 to below 1 is expected, such as 5% or 0.05");
  return value;
}

export interface Shard {
  readonly index: number;
  readonly of: number;
}

/** `3/16`: the third of sixteen parts. */
export function shardOption(text: string): Shard {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  const [index, of] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || index < 1 || index > of) throw new InvalidArgumentError("a part of the whole is expected, such as 3/16, from 1/16 to 16/16");
  return { index, of };
}

/** `30%` or `0.3`. */
export function percent(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(\s*%)?$/.exec(text);
  if (match === null) throw new InvalidArgumentError("a percentage such as 30% is expected");
  return Number(match[1]) / (match[2] === undefined ? 1 : 100);
}

/** `20%/mo`, `20%` or `0.2`. */
export function growthPerMonth(text: string): number {
  return percent(text.replace(/\/mo(nth)?$/, ""));
}
