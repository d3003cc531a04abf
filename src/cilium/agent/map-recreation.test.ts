import { describe, expect, it } from "vitest";
import { mapSpec } from "../maps/definitions.js";
import { isRecreatedForEver, recreationCauses, reportedMaxEntries } from "./map-recreation.js";

const HOST = { possibleCpus: 12, refill: "scaled" } as const;
const common = { preallocate: false, distributedLru: false };
const distributed = { preallocate: false, distributedLru: true };

describe("recreationCauses", () => {
  it("is empty when nothing changes", () => {
    expect(recreationCauses(mapSpec("ct4_global", common), mapSpec("ct4_global", common), HOST)).toEqual([]);
  });

  it("names what changed", () => {
    const wanted = mapSpec("ct4_global", distributed, { maxEntries: 600_000 });
    expect(recreationCauses(mapSpec("ct4_global", common), wanted, HOST)).toEqual([
      { property: "max entries", pinned: 524_288, wanted: 600_000 },
      { property: "flags", pinned: 0, wanted: 2 },
    ]);
  });

  it("never ends when the kernel rounds what the agent does not", () => {
    const spec = mapSpec("ct4_global", distributed, { maxEntries: 131_072 });
    expect(reportedMaxEntries(spec, HOST)).toBe(131_076);
    expect(isRecreatedForEver(spec, HOST)).toBe(true);
    expect(isRecreatedForEver(mapSpec("ct4_global", distributed, { maxEntries: 131_076 }), HOST)).toBe(false);
    expect(isRecreatedForEver(mapSpec("lxc", distributed), HOST)).toBe(false);
  });
});
