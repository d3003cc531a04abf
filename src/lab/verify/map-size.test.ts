import { describe, expect, it } from "vitest";
import { outcomes, recorded, tampered } from "../../../test/support/verify.js";
import { VectorFileError } from "./case.js";
import { verifyMapSize } from "./map-size.js";

const FILE = "map-size-vectors.json.gz";

describe("verify map-size", () => {
  it("agrees with every recorded case", async () => {
    const all = await outcomes(verifyMapSize, recorded(FILE));
    expect(all.filter((each) => each.difference !== undefined)).toEqual([]);
    expect(all.length).toBe(1 + 55);
  });

  it.each([
    ["cases.4.expect.tcp", 151_766],
    ["cases.10.expect.notes", []],
    ["cases.14.expect.error", null],
    ["cases.14.expect.error", "nat range"],
    ["cases.11.possible_cpus", 9],
    ["cases.0.expect.sockrev", "65536"],
    ["cases.0.explicit.lb", 5],
    ["cases.0.unheard", 5],
    ["constants.limit_min", 1],
    ["constants.auto_min.tcp", 1],
    ["more", []],
  ])("counts %s = %j as failed", async (path, value) => {
    const all = await outcomes(verifyMapSize, tampered(FILE, path, value));
    expect(all.filter((each) => each.difference !== undefined).length).toBe(1);
  });

  it("refuses a damaged file", async () => {
    const file = recorded(FILE);
    const cut = { ...file, text: file.text.slice(0, -20) };
    await expect(outcomes(verifyMapSize, cut)).rejects.toThrow(VectorFileError);
  });
});
