import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { outcomes } from "../../../test/support/verify.js";
import { VectorFileError, type VectorFile } from "./case.js";
import { verifyHist } from "./hist.js";
import { readVectorFile } from "./vector-file.js";

const VECTORS = readVectorFile(fileURLToPath(new URL("../../../test/vectors/bpftrace/hist-vectors.json.gz", import.meta.url)));

/** Removes the blanks before the last bar. */
function shorten(row: string): string {
  return row.replace(/ +\|$/, "|");
}

type Vector = { calls: Record<string, unknown>[]; blocks: { header: string; rows: string[] }[]; json: string[]; stdout: string };

function tampered(id: string, change: (vector: Vector & Record<string, unknown>, root: Record<string, unknown>) => void): VectorFile {
  const root = JSON.parse(VECTORS.text) as { vectors: (Vector & Record<string, unknown>)[] };
  change(root.vectors.find((each) => each["id"] === id)!, root);
  return { ...VECTORS, text: JSON.stringify(root) };
}

async function failures(file: VectorFile): Promise<string[]> {
  const all = await outcomes(verifyHist, file);
  return all.flatMap(({ id, difference }) => (difference === undefined ? [] : [`${id}: ${difference.where}`]));
}

describe("verify hist", () => {
  it("agrees with every recorded output", async () => {
    const all = await outcomes(verifyHist, VECTORS);
    expect(all.filter((each) => each.difference !== undefined)).toEqual([]);
    expect(all.length).toBe(41);
  });

  it.each<[string, string, (vector: Vector & Record<string, unknown>, root: Record<string, unknown>) => void, string]>([
    ["a row without its trailing blanks", "hist-32", (v) => void v.blocks[0]!.rows.splice(0, 1, shorten(v.blocks[0]!.rows[0]!)), "hist-32: blocks[0].rows[0]"],
    ["a header without its blank", "hist-44", (v) => void (v.blocks[0]!.header = "@usecs:"), "hist-44: blocks[0].header"],
    ["a row too few", "hist-46", (v) => void v.blocks[0]!.rows.pop(), "hist-46: blocks[0].rows.length"],
    ["another order of keys", "hist-58", (v) => void v.blocks.reverse(), "hist-58: blocks[0].header"],
    ["one character of the output", "hist-08", (v) => void (v.stdout += "\n"), "hist-08: stdout"],
    ["one character of the JSON", "hist-17", (v) => void (v.json[0] = v.json[0]!.replace("1}", "2}")), "hist-17: json[0]"],
    ["one value", "hist-14", (v) => void (v.calls[0]!["value"] = 1025), "hist-14: blocks[0].rows[0]"],
    ["a value that is no number", "hist-14", (v) => void (v.calls[0]!["value"] = "many"), "hist-14: value"],
    ["a fraction of a call", "hist-13", (v) => void (v.calls[0]!["times"] = 0.5), "hist-13: calls[0].times"],
    ["an unknown function", "hist-14", (v) => void (v.calls[0]!["fn"] = "stats"), "hist-14: fn"],
    ["an unknown argument", "hist-14", (v) => void (v.calls[0]!["step"] = 5), "hist-14: step"],
    ["a missing argument", "hist-46", (v) => void delete v.calls[0]!["step"], "hist-46: step"],
    ["a key that is an object", "hist-58", (v) => void (v.calls[0]!["key"] = {}), "hist-58: key"],
    ["two kinds in one map", "hist-46", (v) => void (v.calls[0]!["step"] = 20), "hist-46: calls"],
    ["a range without buckets", "hist-47", (v) => v.calls.forEach((call) => void (call["step"] = 0)), "hist-47: min, max, step"],
    ["an unknown field", "hist-14", (v) => void (v["more"] = 1), "hist-14: more"],
    ["an unknown section", "hist-14", (_, root) => void (root["more"] = 1), "more: more"],
  ])("counts a case with %s changed as failed", async (_, id, change, difference) => {
    expect(await failures(tampered(id, change))).toEqual([difference]);
  });

  it("refuses a damaged file with its line", async () => {
    const half = { ...VECTORS, text: VECTORS.text.slice(0, 9000) };
    await expect(outcomes(verifyHist, half)).rejects.toThrow(VectorFileError);
    await expect(outcomes(verifyHist, half)).rejects.toThrow(/:\d+: is not JSON/);
  });
});
