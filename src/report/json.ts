/**
 * JSON with a fixed order of keys and a layout that people can read and diff: objects over several lines, lists of
 * plain values on one.
 */

type Key<T> = Extract<keyof T, string>;

/** Every key of T once, in the order in which it is written; the compiler refuses an incomplete list. */
export function keysOf<T>() {
  return <const K extends readonly Key<T>[]>(
    ...keys: [Exclude<Key<T>, K[number]>] extends [never] ? K : readonly ["missing", Exclude<Key<T>, K[number]>]
  ): readonly Key<T>[] => keys as unknown as readonly Key<T>[];
}

/** A copy of `value` with its keys in that order; absent ones are left out. */
export function inOrder<T extends object>(value: T, keys: readonly Key<T>[]): T {
  return Object.fromEntries(keys.flatMap((key) => (value[key] === undefined ? [] : [[key, value[key]]]))) as T;
}

/** Longest line that a list of plain values may take before it is broken, characters. */
const LINE_MAX = 120;
const INDENT = "  ";

/** Text of a JSON value, final newline included. Throws on a number that JSON can't hold. */
export function layOut(value: unknown): string {
  return `${render(value, "")}\n`;
}

function render(value: unknown, indent: string): string {
  if (Array.isArray(value)) return renderList(value, indent);
  if (typeof value === "object" && value !== null) {
    const inner = indent + INDENT;
    const members = Object.entries(value).filter(([, member]) => member !== undefined);
    if (members.length === 0) return "{}";
    return `{\n${members.map(([key, member]) => `${inner}${JSON.stringify(key)}: ${render(member, inner)}`).join(",\n")}\n${indent}}`;
  }
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${value} can't be written as JSON`);
  return JSON.stringify(value) ?? "null";
}

function renderList(list: readonly unknown[], indent: string): string {
  if (list.length === 0) return "[]";
  const inner = indent + INDENT;
  if (!list.every(isFlat)) return `[\n${list.map((item) => inner + render(item, inner)).join(",\n")}\n${indent}]`;
  const items = list.map((item) =>
    Array.isArray(item) ? `[${item.map((part) => render(part, "")).join(", ")}]` : render(item, ""),
  );
  const line = `[${items.join(", ")}]`;
  return line.length <= LINE_MAX ? line : `[\n${fill(items, inner)}\n${indent}]`;
}

/** Breaks a long list into lines of at most `LINE_MAX` characters. */
function fill(items: readonly string[], indent: string): string {
  const lines: string[] = [];
  let line = "";
  for (const item of items) {
    if (line !== "" && line.length + item.length + 2 > LINE_MAX) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? item : `, ${item}`;
  }
  lines.push(line);
  return indent + lines.join(`,\n${indent}`);
}

/** A plain value, or a short row of plain values. */
function isFlat(item: unknown): boolean {
  if (Array.isArray(item)) return item.every((part) => typeof part !== "object" || part === null);
  return typeof item !== "object" || item === null;
}
