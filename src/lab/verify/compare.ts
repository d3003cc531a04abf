/** The first difference between two pieces of plain data, with its place. Order counts in arrays, not in objects. */

import type { Difference } from "./case.js";

/** Undefined when equal. `where` is the place of the two in their case. */
export function firstDifference(where: string, expected: unknown, actual: unknown): Difference | undefined {
  if (Object.is(expected, actual)) return undefined;
  if (Array.isArray(expected) && Array.isArray(actual)) return differenceOfArrays(where, expected, actual);
  if (isObject(expected) && isObject(actual)) return differenceOfObjects(where, expected, actual);
  return { where, expected: show(expected), actual: show(actual) };
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function differenceOfArrays(where: string, expected: readonly unknown[], actual: readonly unknown[]): Difference | undefined {
  for (let i = 0; i < Math.min(expected.length, actual.length); i++) {
    const difference = firstDifference(`${where}[${i}]`, expected[i], actual[i]);
    if (difference !== undefined) return difference;
  }
  if (expected.length === actual.length) return undefined;
  return { where: `${where}.length`, expected: show(expected), actual: show(actual) };
}

function differenceOfObjects(
  where: string,
  expected: { readonly [key: string]: unknown },
  actual: { readonly [key: string]: unknown },
): Difference | undefined {
  for (const key of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
    const difference = firstDifference(`${where}.${key}`, expected[key], actual[key]);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  return typeof value === "string" ? value : JSON.stringify(value);
}
