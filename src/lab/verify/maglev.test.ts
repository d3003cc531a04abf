import { describe, expect, it } from "vitest";
import { outcomes, recorded, tampered } from "../../../test/support/verify.js";
import { VectorFileError } from "./case.js";
import { verifyMaglev } from "./maglev.js";

const FILE = "maglev-vectors.json.gz";

describe("verify maglev", () => {
  it("agrees with every recorded case", async () => {
    const all = await outcomes(verifyMaglev, recorded(FILE));
    expect(all.filter((each) => each.difference !== undefined)).toEqual([]);
    expect(all.length).toBe(2 + 38 + 7 + 40 + 25 + 60 + 10);
  });

  it.each([
    ["murmur3_x64_128.3.h2", "0x7d81ac914b62fe97"],
    ["seed_decoding.0.murmur", 1],
    ["seed_decoding.4.ok", true],
    ["seed_decoding.5.why", "none"],
    ["offset_skip.0.skip", 3427],
    ["offset_skip.0.hash_string", "[49.56.104.47:443/SCTP]"],
    ["tables.0.expect.rle", "2(5)"],
    ["tables.1.expect.sha256_u32le", "00"],
    ["tables.2.expect.slots_per_id.2", 101],
    ["tables.3.expect.last8", [1, 3, 3, 1, 3, 2, 3, 2]],
    ["tables.3.expect.surprise", 1],
    ["tables.4.table_size", 1022],
    ["lookups.5.hash", 1],
    ["lookups.5.slot", -1],
    ["lookups.6.family", "ipx"],
    ["disruption.0.slots_moved_between_survivors", 13],
    ["disruption.0.moved_percent_of_table", 1.2],
    ["disruption.0.removed_ids", "3"],
    ["table_sizes_allowed", [251]],
    ["default_seed.jhash_v6", 1],
    ["more", []],
  ])("counts %s = %j as failed", async (path, value) => {
    const all = await outcomes(verifyMaglev, tampered(FILE, path, value, 8));
    expect(all.filter((each) => each.difference !== undefined).length).toBe(1);
  });

  it("refuses a damaged file", async () => {
    const file = recorded(FILE);
    await expect(outcomes(verifyMaglev, { ...file, text: file.text.slice(0, 5000) })).rejects.toThrow(VectorFileError);
  });
});
