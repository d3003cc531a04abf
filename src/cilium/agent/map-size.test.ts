import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ciliumProfile } from "../profile/cilium.js";
import { DYNAMIC_MAPS, divisorBytes, mapSizes, memoryWhereRatioActs, sizeRequest } from "./map-size.js";
import { defaultSettings } from "./settings.js";
import type { CiliumSettings } from "./settings.js";

const GIB = 2 ** 30;
const profile = ciliumProfile("1.19.0");

function sized(memory: number, settings: Partial<CiliumSettings> = {}, cpus = 16, version = "1.19.0") {
  const at = ciliumProfile(version);
  return mapSizes(sizeRequest({ ...defaultSettings(at), ...settings }, at.sizes, memory, cpus));
}

describe("mapSizes", () => {
  it("gives what an agent logged: 404311371776 B of memory", () => {
    const { sizes, budget } = sized(404_311_371_776);
    expect(budget!.availableBytes).toBe(1_010_778_429);
    expect(sizes.ctTcp.entries).toBe(3_546_590);
    expect(sizes.ctAny.entries).toBe(1_773_295);
  });

  it("says where a number came from", () => {
    const { sizes } = sized(64 * GIB, { ctTcpMax: 20_000, ctAnyMax: 10_000 });
    expect(sizes.ctTcp).toEqual({ entries: 20_000, origin: { kind: "set" }, roundedToCpus: null });
    expect(sizes.nat.origin).toEqual({ kind: "two thirds of conntrack", computed: 602_802 });
    expect(sizes.nat.entries).toBe(20_000);
    expect(sizes.neigh.origin).toEqual({ kind: "follows NAT" });
    expect(sized(8 * GIB).sizes.ctTcp.origin).toEqual({ kind: "floor", computed: 75_350 });
    expect(sized(8 * GIB, { mapDynamicSizeRatio: 0 }).sizes.ctTcp.origin).toEqual({ kind: "static default" });
    expect(sized(512 * GIB, { mapDynamicSizeRatio: 0.9 }).sizes.ctTcp.origin.kind).toBe("ceiling");
  });

  it("rounds to CPUs with distributed LRU from 1.17.4 on", () => {
    const settings = { distributedLru: true, mapDynamicSizeRatio: 0.08 };
    expect(sized(64 * GIB, settings, 12, "1.17.4").sizes.ctTcp.entries % 12).toBe(0);
    expect(sized(64 * GIB, settings, 12, "1.17.3").sizes.ctTcp.roundedToCpus).toBeNull();
  });

  it("refuses with the agent's own words", () => {
    expect(sized(8 * GIB, { natMax: 1_000_000 }).refusal!.message).toBe(
      "specified NAT tables size 1000000 must not exceed maximum CT table size 196608",
    );
    expect(sized(8 * GIB, { ctTcpMax: 100 }).refusal!.message).toBe(
      "specified CT tables values 100/65536 must be greater or equal to 1024",
    );
    expect(sized(8 * GIB, { mapDynamicSizeRatio: 1.5 }).refusal!.message).toBe(
      "specified dynamic map size ratio 1.500000 must be > 0.0 and <= 1.0",
    );
    expect(sized(8 * GIB, { fragmentsMapMax: 100 }).refusal!.rule).toBe("fragments");
    expect(sized(8 * GIB, { authMapMax: 1 }).refusal!.rule).toBe("auth");
    expect(sized(8 * GIB, { sockRevMax: 1 }).refusal!.rule).toBe("sock-rev range");
  });

  it("knows from how much memory the ratio acts", () => {
    const memory = memoryWhereRatioActs(profile.sizes, 0.0025);
    expect(sized(memory + 4096).sizes.ctTcp.entries).toBeGreaterThan(131_072);
    expect(sized(memory - 4 * 2 ** 20).sizes.ctTcp.entries).toBe(131_072);
    expect(divisorBytes(profile.sizes)).toBe(149_422_080);
  });

  it("never lowers another capacity when ctTcpMax grows", () => {
    const memory = fc.integer({ min: 1, max: 2000 }).map((gib) => gib * GIB);
    const size = fc.integer({ min: 1024, max: 16_777_216 });
    const optional = fc.option(size, { nil: null });
    fc.assert(
      fc.property(memory, size, size, optional, optional, fc.double({ min: 0, max: 1, noNaN: true }), (bytes, a, b, any, nat, ratio) => {
        const settings = { ctAnyMax: any, natMax: nat, mapDynamicSizeRatio: ratio };
        const small = sized(bytes, { ...settings, ctTcpMax: Math.min(a, b) });
        const large = sized(bytes, { ...settings, ctTcpMax: Math.max(a, b) });
        if (small.refusal !== null) return;
        expect(large.refusal).toBeNull();
        for (const map of DYNAMIC_MAPS) {
          expect(large.sizes[map].entries).toBeGreaterThanOrEqual(small.sizes[map].entries);
        }
      }),
    );
  });
});
