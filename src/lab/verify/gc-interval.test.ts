import { describe, expect, it } from "vitest";
import { outcomes, recorded, tampered } from "../../../test/support/verify.js";
import { VectorFileError } from "./case.js";
import { verifyGcInterval } from "./gc-interval.js";

const FILE = "gc-interval-vectors.json.gz";

describe("verify gc-interval", () => {
  it("agrees with every recorded case", async () => {
    const all = await outcomes(verifyGcInterval, recorded(FILE));
    expect(all.filter((each) => each.difference !== undefined)).toEqual([]);
    expect(all.length).toBe(1 + 65 + 39 + 14);
  });

  it.each([
    ["calc.3.next_ns", 36_000_000_001],
    ["get.0.adjusted_ratio", 0.2],
    ["get.2.cache_after_older_form_ns", 1],
    ["get.4.next_ns", null],
    ["sequences.0.passes.2.wait_ns", 5],
    ["sequences.13.passes.2.cache_after_ns", 5],
    ["sequences.13.passes.1.actual_prev_ns", "300"],
    ["sequences.13.form", "newest"],
    ["sequences.1.passes", []],
    ["constants.min_ns", 1],
    ["calc.0.surprise", 1],
    ["surprise", []],
  ])("counts %s = %j as failed", async (path, value) => {
    const all = await outcomes(verifyGcInterval, tampered(FILE, path, value));
    expect(all.filter((each) => each.difference !== undefined).length).toBe(1);
  });

  it("refuses a truncated file with line and reason", async () => {
    const file = recorded(FILE);
    const cut = { ...file, text: file.text.slice(0, file.text.length / 2) };
    await expect(outcomes(verifyGcInterval, cut)).rejects.toThrow(VectorFileError);
    await expect(outcomes(verifyGcInterval, { ...file, text: "{}" })).rejects.toThrow(/calc/);
    await expect(outcomes(verifyGcInterval, { ...file, text: "[]" })).rejects.toThrow(VectorFileError);
  });
});
