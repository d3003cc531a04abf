/** Whatever is done to a valid scenario: it loads, or every complaint points into one of its files. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { load, SCENARIO_PATH, VALID, VALUES, VALUES_PATH } from "../../test/scenario/fixtures.js";
import { InputError, renderDiagnostics } from "./diagnostics.js";

interface Files {
  readonly scenario: string;
  readonly values: string;
  readonly set?: readonly string[];
}

/** Loads, or fails with diagnostics whose places exist. */
function checkOutcome({ scenario, values, set = [] }: Files): void {
  const texts: Readonly<Record<string, string>> = { [SCENARIO_PATH]: scenario, [VALUES_PATH]: values };
  try {
    const { variants } = load(scenario, { set }, { [VALUES_PATH]: values });
    expect(variants.length).toBeGreaterThan(0);
    for (const each of variants) expect(Number.isSafeInteger(each.durationNs) && each.durationNs > 0).toBe(true);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    expect(error.diagnostics.some(({ severity }) => severity === "error")).toBe(true);
    for (const { file, line, column, length, sourceLine } of error.diagnostics) {
      const lines = file === "--set" ? [sourceLine ?? ""] : (texts[file] ?? "").split("\n");
      expect(line).toBeGreaterThanOrEqual(1);
      expect(line).toBeLessThanOrEqual(lines.length);
      if (sourceLine === null) continue;
      expect(sourceLine).toBe(lines[line - 1]!.replace(/\r$/, ""));
      expect(column).toBeGreaterThanOrEqual(1);
      expect(column + length - 1).toBeLessThanOrEqual(Math.max(sourceLine.length, column));
    }
    expect(renderDiagnostics(error.diagnostics, { color: true }).length).toBeGreaterThan(0);
  }
}

/** A stretch of a text replaced by something. */
function mutation(text: string): fc.Arbitrary<string> {
  const scraps = fc.constantFrom(
    "",
    " ",
    "\n",
    ":",
    "-",
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "&a ",
    "*a",
    "!!str ",
    "|",
    ">",
    "#",
    "?",
    ",",
    "\t",
    "é",
    "\u0000",
    "\ufeff",
    "~",
    "<<: ",
    "%",
    "1e999",
    ".nan",
    "-1",
    "---\n",
    "99999999999999999999",
  );
  const piece = fc.oneof({ arbitrary: scraps, weight: 4 }, { arbitrary: fc.string({ maxLength: 8 }), weight: 1 });
  return fc
    .tuple(fc.nat(text.length), fc.nat(12), piece)
    .map(([at, length, insert]) => text.slice(0, at) + insert + text.slice(at + length));
}

/** The same at several places. */
function mutations(text: string, most: number): fc.Arbitrary<string> {
  return fc.integer({ min: 1, max: most }).chain((count) => {
    let result: fc.Arbitrary<string> = fc.constant(text);
    for (let step = 0; step < count; step++) result = result.chain(mutation);
    return result;
  });
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Paths of all values below a value, itself excluded. */
function paths(value: Json, path: readonly (string | number)[] = []): readonly (string | number)[][] {
  const below = (key: string | number, each: Json): (string | number)[][] => [
    [...path, key],
    ...paths(each, [...path, key]).map((each2) => [...each2]),
  ];
  if (Array.isArray(value)) return value.flatMap((each, index) => below(index, each));
  if (typeof value === "object" && value !== null) return Object.entries(value).flatMap(([key, each]) => below(key, each));
  return [];
}

const REMOVED = Symbol("removed");

function replaceAt(value: Json, path: readonly (string | number)[], by: Json | typeof REMOVED): Json {
  const [step, ...rest] = path as [string | number, ...(string | number)[]];
  if (Array.isArray(value)) {
    if (rest.length === 0 && by === REMOVED) return value.filter((_, index) => index !== step);
    return value.map((each, index) => (index !== step ? each : rest.length === 0 ? (by as Json) : replaceAt(each, rest, by)));
  }
  const entries = Object.entries(value as { [key: string]: Json });
  if (rest.length === 0 && by === REMOVED) return Object.fromEntries(entries.filter(([key]) => key !== step));
  return Object.fromEntries(
    entries.map(([key, each]) => [key, key !== step ? each : rest.length === 0 ? (by as Json) : replaceAt(each, rest, by)]),
  );
}

/** A parsed file with one value replaced by anything, or left out. */
function changedValue(text: string): fc.Arbitrary<string> {
  const root = parse(text) as Json;
  const all = paths(root);
  const value: fc.Arbitrary<Json | typeof REMOVED> = fc.oneof(
    fc.constant(REMOVED),
    fc.constantFrom<Json>(
      null,
      "",
      0,
      -1,
      1.5,
      1e300,
      true,
      [],
      {},
      "5m",
      "100/s",
      "512Ki",
      "after-run",
      "shop/cart:80",
      "1.17",
      "never",
      "ct4_global",
      [[0, 1]],
      { exponential: "1s" },
    ),
    fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
  );
  return fc.tuple(fc.nat(all.length - 1), value).map(([index, by]) => stringify(replaceAt(root, all[index]!, by)));
}

const runs = { numRuns: 150 };

describe("a scenario or its complaints", () => {
  it("after any change of its text", () => {
    fc.assert(
      fc.property(mutations(VALID, 3), (scenario) => checkOutcome({ scenario, values: VALUES })),
      runs,
    );
  });

  it("after any change of a value", () => {
    fc.assert(
      fc.property(changedValue(VALID), (scenario) => checkOutcome({ scenario, values: VALUES })),
      runs,
    );
  });

  it("after any change of its Helm file", () => {
    const more = ['kubeProxyReplacement: "true"', 'extraConfig: { a: "1" }', "extraArgs: [--debug]", "loadBalancer: { mode: dsr }"];
    const helm = `${VALUES}${more.join("\n")}\nencryption: { type: ipsec }\n`;
    fc.assert(
      fc.property(fc.oneof(mutations(helm, 3), changedValue(helm)), (values) => checkOutcome({ scenario: VALID, values })),
      runs,
    );
  });

  it("with any --set", () => {
    const step = fc.constantFrom(
      "workloads",
      "burst",
      "0",
      "[1]",
      "arrivals",
      "helm",
      "set",
      "bpf",
      "ctTcpMax",
      "variants",
      "bigger",
      "duration",
      "expect",
      "maps",
      "ct4_global",
      "",
      "\\",
      "]",
      "seed",
      "x",
    );
    const value = fc.oneof(fc.constantFrom("", "5m", "[", "{}", "a: b: c", "*x", "1", "~"), fc.string({ maxLength: 6 }));
    const argument = fc
      .tuple(fc.array(step, { minLength: 1, maxLength: 5 }), value)
      .map(([steps, text]) => `${steps.join(".")}=${text.replace(/[\r\n]/g, "")}`);
    fc.assert(
      fc.property(fc.array(argument, { maxLength: 3 }), (set) => checkOutcome({ scenario: VALID, values: VALUES, set })),
      runs,
    );
  });

  it("of any text at all", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 60 }), (scenario) => checkOutcome({ scenario, values: VALUES })),
      runs,
    );
  });
});

describe("a valid scenario", () => {
  it("means the same however it is laid out", () => {
    const { hash } = load(VALID);
    const options = [{ indent: 4 }, { flowCollectionPadding: false }, { defaultStringType: "QUOTE_DOUBLE" as const }, { lineWidth: 0 }];
    // Numbers that YAML shortens are written as text: 5.10 would come back as 5.1.
    const data = parse(VALID.replace("kernel: 5.10", 'kernel: "5.10"')) as unknown;
    for (const option of options) expect(load(stringify(data, option)).hash).toBe(hash);
  });
});
