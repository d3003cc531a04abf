import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

import { describe, expect, it } from "vitest";

import { VectorFileError } from "./case.js";
import type { CaseOutcome, VectorFile, Verifier } from "./case.js";
import { verifyJhash } from "./jhash.js";
import { verifyMapCreate } from "./map-create.js";
import { verifyMaps } from "./maps.js";

const FOLDER = new URL("../../../test/vectors/kernel-maps/", import.meta.url);
const TRACE_FILES = {
  "scenarios.jsonl.gz": 24,
  "corner.jsonl.gz": 33,
  "hash-prealloc.jsonl.gz": 35,
  "hash-noprealloc.jsonl.gz": 35,
  "percpu-hash.jsonl.gz": 35,
  "lru-common.jsonl.gz": 35,
  "lru-nocommon.jsonl.gz": 35,
  "lru-percpu-hash.jsonl.gz": 35,
  "k6.1-cpus1.jsonl.gz": 28,
  "k6.1-cpus3.jsonl.gz": 28,
  "k6.1-cpus4.jsonl.gz": 28,
  "k6.1-cpus8.jsonl.gz": 28,
  "k6.12-cpus1.jsonl.gz": 28,
  "k6.12-cpus3.jsonl.gz": 28,
  "k6.12-cpus4.jsonl.gz": 28,
  "k6.12-cpus8.jsonl.gz": 28,
} as const;

function recorded(name: string): string {
  return gunzipSync(readFileSync(new URL(name, FOLDER))).toString("utf8");
}

function fileOf(text: string, path = "vectors"): VectorFile {
  return {
    path,
    text,
    sibling: () => {
      throw new Error("no sibling expected");
    },
  };
}

function run(verifier: Verifier, text: string): CaseOutcome[] {
  return [...(verifier(fileOf(text)) as Iterable<CaseOutcome>)];
}

type Trace = Record<string, unknown> & { ops: number[]; res: unknown[]; map: Record<string, unknown> };

/** First recorded scenario, changed. */
function tampered(change: (trace: Trace) => void): CaseOutcome {
  const trace = JSON.parse(recorded("scenarios.jsonl.gz").split("\n")[0]!) as Trace;
  change(trace);
  return run(verifyMaps, JSON.stringify(trace))[0]!;
}

describe("recorded kernel traces", () => {
  it.each(Object.entries(TRACE_FILES))("%s: no difference", (name, cases) => {
    const outcomes = run(verifyMaps, recorded(name));
    expect(outcomes.filter((outcome) => outcome.difference !== undefined)).toEqual([]);
    expect(outcomes).toHaveLength(cases);
    expect(outcomes.every((outcome) => outcome.compared! > 0)).toBe(true);
  });
});

describe("a trace that departs", () => {
  it("shows the first wrong result with its operation", () => {
    const outcome = tampered((trace) => (trace.res[5] = [9, 9]));
    expect(outcome.difference).toEqual({ where: "op 6 (checkpoint 0)", expected: "[9,9]", actual: "[3,5,2,3,1,1]" });
  });

  it.each([
    ["limit", "effectiveMaxEntries", (trace: Trace) => (trace["effectiveMaxEntries"] = 5)],
    ["memory", "memlock", (trace: Trace) => (trace["memlock"] = 1)],
    ["evicted keys", "evicted, item 10", (trace: Trace) => (trace["evicted"] as unknown[]).pop()],
    ["refill target", "field freeTarget", (trace: Trace) => (trace["freeTarget"] = "huge")],
    ["unknown field", "field colour", (trace: Trace) => (trace["colour"] = 1)],
    ["unknown map field", "field map.numa", (trace: Trace) => (trace.map["numa"] = 1)],
    ["unknown map type", "field map.type", (trace: Trace) => (trace.map["type"] = 99)],
    ["unknown operation", "op 1", (trace: Trace) => (trace.ops[0] = 19)],
    ["a CPU that is not there", "op 1", (trace: Trace) => ((trace.ops[0] = 14), (trace.ops[1] = 2))],
    ["no CPUs", "field ncpu", (trace: Trace) => (trace["ncpu"] = 0)],
    ["a billion CPUs", "field ncpu", (trace: Trace) => (trace["ncpu"] = 1e9)],
    ["a batch with room for a billion", "op 1 (lookup-and-delete batch 1000000000)", (trace: Trace) => ((trace.ops[0] = 18), (trace.ops[1] = 1e9))],
    ["more memory than there is", "creation", (trace: Trace) => (trace.map["maxEntries"] = 2 ** 28)],
    ["impossible map", "creation", (trace: Trace) => (trace.map["flags"] = 65)],
    ["fixed for scaled", "op 10 (checkpoint 0)", (trace: Trace) => (trace["freeTarget"] = "fixed")],
  ])("fails on %s", (_what, where, change) => {
    expect(tampered(change).difference?.where).toBe(where);
  });
});

describe("a file that is no trace file", () => {
  const line = recorded("scenarios.jsonl.gz").split("\n")[0]!;
  it.each([
    ["truncated line", `${line}\n${line.slice(0, 500)}`, 2, /not a JSON object/],
    ["foreign JSON", '{"id":"x"}', 1, /"ncpu" is not a whole number/],
    ["a list", "[1,2]", 1, /not a JSON object/],
    ["nothing", "\n", undefined, /holds no trace/],
    ["a kernel that is none", line.replace('"kernel":"6', '"kernel":"x6'), 1, /"kernel" is no release: "x6/],
    ["a result too few", line.replace('"res":[0,', '"res":['), 1, /numbers in "ops" for/],
  ])("%s is refused with line and reason", (_what, text, number, reason) => {
    let thrown: unknown;
    try {
      run(verifyMaps, text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(VectorFileError);
    expect((thrown as VectorFileError).line).toBe(number);
    expect((thrown as VectorFileError).message).toMatch(reason);
  });
});

describe("key hash", () => {
  it("agrees with the kernel for every recorded key", () => {
    const outcomes = run(verifyJhash, recorded("jhash.json.gz"));
    expect(outcomes).toHaveLength(282);
    expect(outcomes.filter((outcome) => outcome.difference !== undefined)).toEqual([]);
  });

  it("fails on a wrong hash, a key of the wrong size, an unknown field", () => {
    const items = [
      { keySize: 1, key: "ea", hash: 321058767 },
      { keySize: 2, key: "ea", hash: 321058766 },
      { keySize: 1, key: "ea", hash: 321058766, seed: 1 },
      7,
    ];
    const outcomes = run(verifyJhash, JSON.stringify(items));
    expect(outcomes.map((outcome) => outcome.difference?.where)).toEqual(["hash", "key", "seed", "item"]);
  });
});

describe("map creation", () => {
  it("refuses what the kernel refuses", () => {
    const outcomes = run(verifyMapCreate, recorded("create.json.gz"));
    expect(outcomes).toHaveLength(11);
    expect(outcomes.filter((outcome) => outcome.difference !== undefined)).toEqual([]);
  });

  it("fails on another errno and on an unknown field", () => {
    const good = { type: 9, keySize: 4, valueSize: 8, maxEntries: 4, flags: 64, errno: 0 };
    const outcomes = run(verifyMapCreate, JSON.stringify([good, { ...good, errno: -22 }, { ...good, cpus: 2 }]));
    expect(outcomes.map((outcome) => outcome.difference?.where)).toEqual([undefined, "errno", "cpus"]);
  });

  it("names the line of damaged JSON", () => {
    expect(() => run(verifyMapCreate, '[\n{"type": 9,\n"keySize": }]')).toThrow(/vectors:3: is not JSON/);
  });
});
