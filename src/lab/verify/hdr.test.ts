import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { outcomes } from "../../../test/support/verify.js";
import { VectorFileError, type VectorFile } from "./case.js";
import { verifyHdr } from "./hdr.js";
import { readVectorFile } from "./vector-file.js";

function recorded(name: string): VectorFile {
  return readVectorFile(fileURLToPath(new URL(`../../../test/vectors/hdr/${name}`, import.meta.url)));
}

async function failures(file: VectorFile): Promise<string[]> {
  const all = await outcomes(verifyHdr, file);
  return all.flatMap(({ id, difference }) => (difference === undefined ? [] : [`${id}: ${difference.where}`]));
}

describe("verify hdr, histograms", () => {
  const VECTORS = recorded("hdr-vectors.json.gz");

  it.each([
    ["hdr-vectors.json.gz", 10],
    // Empty, only zeros, 0 to 5 digits, coarse units, auto-resizing, up to 2^53: made with the same Java version.
    ["hdr-more.json.gz", 40],
  ])("agrees with every case of %s", async (name, cases) => {
    const all = await outcomes(verifyHdr, recorded(name));
    expect(all.filter((each) => each.difference !== undefined)).toEqual([]);
    expect(all.length).toBe(cases);
  });

  function tampered(index: number, change: (vector: Record<string, unknown>, all: Record<string, unknown>) => void): VectorFile {
    const root = JSON.parse(VECTORS.text) as { vectors: Record<string, unknown>[] };
    change(root.vectors[index]!, root);
    return { ...VECTORS, text: JSON.stringify(root) };
  }

  it.each([
    ["total", 169, "hdr-04: recorded.total"],
    ["min", 501, "hdr-04: recorded.min"],
    ["min_nonzero", null, "hdr-04: recorded.min_nonzero"],
    ["max", 1200126, "hdr-04: recorded.max"],
    ["mean", 14145.45238095238, "hdr-04: recorded.mean"],
    ["stddev", 92035.548127755, "hdr-04: recorded.stddev"],
    ["digits", 2, "hdr-04: recorded.max"],
    ["highest_trackable", 60000000001, "hdr-04: encoded, before compression"],
    ["highest_trackable", 1000, "hdr-04: records"],
    ["lowest_discernible", 0, "hdr-04: digits, lowest_discernible"],
    ["digits", 6, "hdr-04: digits, lowest_discernible"],
    ["records", [[500, -3]], "hdr-04: records[0]"],
    ["compressed_base64", "HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEURcm7yEwf4DVIQJAFowBIs=", "hdr-04: decoded.total"],
    ["compressed_base64", "HISTFAAAACF4nJNpmSzMwMDAxAABzFCaEU", "hdr-04: compressed_base64"],
    ["percentiles", { "50": 6003, "99.9": 1200126 }, "hdr-04: recorded.percentiles.99.9"],
    ["percentiles", { "101": 6003 }, "hdr-04: percentiles"],
    ["expected_interval", 400000, "hdr-04: recorded.total"],
    ["unheard_of", 1, "hdr-04: unheard_of"],
  ])("counts %s = %j as failed", async (field, value, difference) => {
    expect(await failures(tampered(2, (vector) => void (vector[field] = value)))).toEqual([difference]);
  });

  it("counts a missing field and an unknown section as failed", async () => {
    expect(await failures(tampered(0, (vector) => delete vector["stddev"]))).toEqual(["hdr-01: stddev"]);
    expect(await failures(tampered(0, (_, all) => void (all["more"] = [])))).toEqual(["more: more"]);
  });

  it("refuses a damaged file with its line", async () => {
    const half = { ...VECTORS, text: VECTORS.text.slice(0, 9000) };
    await expect(outcomes(verifyHdr, half)).rejects.toThrow(VectorFileError);
    await expect(outcomes(verifyHdr, half)).rejects.toThrow(/:\d+: is not JSON/);
    await expect(outcomes(verifyHdr, { ...VECTORS, text: "[]" })).rejects.toThrow("holds no JSON object");
  });
});

describe("verify hdr, logs", () => {
  const LOG = recorded("two-channels.hlog.gz");
  const LINES = LOG.text.split("\n");
  const changed = (line: number, from: string | RegExp, to: string): VectorFile => {
    const text = LINES.with(line - 1, LINES[line - 1]!.replace(from, to)).join("\n");
    if (text === LOG.text) throw new Error("nothing was changed");
    return { ...LOG, text };
  };

  it("agrees with every interval and the head", async () => {
    const all = await outcomes(verifyHdr, LOG);
    expect(all.map(({ id }) => id)).toEqual(["head", "line 5", "line 6 forward", "line 7", "line 8 forward", "line 9", "line 10 forward"]);
    expect(all.filter((each) => each.difference !== undefined)).toEqual([]);
  });

  it.each([
    [2, "1.3", "9.9", "head: version"],
    [3, "Tue", "Wed", "head: StartTime"],
    [3, "StartTime", "Starttime", "head: header line"],
    [4, "Interval_Max", "Max", "head: legend"],
    [6, "0.100", "0.101", "line 6 forward: fields"],
  ])("counts a changed line %i (%s to %s) as failed", async (line, from, to, difference) => {
    expect(await failures(changed(line, from, to))).toEqual([difference]);
  });

  it.each([
    ["a field missing", changed(5, "1.000,", ""), ":5: is no interval"],
    ["a letter of the histogram changed", changed(7, "AAAAF", "AAABF"), ":7: the histogram announces"],
    ["a histogram cut off", changed(8, /.{8}$/, ""), ":8: the histogram"],
    ["a last line cut off", { ...LOG, text: LOG.text.slice(0, -30) }, ":10: ends inside a line"],
    ["no interval", { ...LOG, text: LINES.slice(0, 4).join("\n") + "\n" }, "holds no interval"],
    ["something else", { ...LOG, text: "hello\n" }, ":1: is no interval"],
  ])("refuses a file with %s", async (_, file, message) => {
    await expect(outcomes(verifyHdr, file)).rejects.toThrow(VectorFileError);
    await expect(outcomes(verifyHdr, file)).rejects.toThrow(message);
  });
});
