import { describe, expect, it } from "vitest";
import { settled } from "../profile/assumptions.js";
import { ciliumProfile } from "../profile/cilium.js";
import { kernelProfile } from "../profile/kernel.js";
import { conntrackGcConfig, datapathClock, gcIntervalOptions } from "./gc-config.js";
import { defaultSettings } from "./settings.js";

const place = { pairs: [], cpu: 0, bootSeconds: 0, restored: [] };
const at = (cilium: string, kernel: string) => {
  const profile = settled(ciliumProfile(cilium));
  return conntrackGcConfig(profile, kernelProfile(kernel), defaultSettings(profile), place);
};

describe("conntrackGcConfig", () => {
  it("follows the release", () => {
    expect(at("1.15.1", "5.15")).toMatchObject({ iteration: "per-key", firstScanKnown: [], pressureCount: null });
    expect(at("1.16.4", "5.15")).toMatchObject({ firstScanKnown: null, pressureCount: { every: 30e9, chunk: 4096 } });
    expect(at("1.18.0", "6.1")).toMatchObject({ iteration: "batch", orphanDeletion: "after-walk", pressureCount: { chunk: null } });
    expect(at("1.18.0", "6.1").signals).toEqual(["nat_fill_up", "ct_fill_up"]);
    expect(at("1.19.0", "6.1").signals).toEqual(["nat_fill_up"]);
  });

  it("follows the kernel", () => {
    expect(at("1.18.0", "6.1").refusesNestedInserts).toBe(true);
    expect(at("1.18.0", "6.15").refusesNestedInserts).toBe(false);
  });

  it("ignores an upper limit that the release does not know", () => {
    for (const [version, max] of [
      ["1.14.2", 0],
      ["1.14.3", 60e9],
    ] as const) {
      const profile = settled(ciliumProfile(version));
      const settings = { ...defaultSettings(profile), conntrackGcMaxInterval: 60e9 as never };
      expect(gcIntervalOptions(profile, settings).max).toBe(max);
    }
  });
});

describe("datapathClock", () => {
  const kernel = kernelProfile("6.12");
  const settings = defaultSettings(ciliumProfile("1.19"));
  it("counts seconds since boot", () => expect(datapathClock(settings, kernel, 100)(1.9e9)).toBe(101));
  it("counts 256 jiffies with the clock probe: 1.024 s at 250 a second", () => {
    const clock = datapathClock({ ...settings, enableBpfClockProbe: true }, kernel, 0);
    expect([1.023e9, 1.024e9, 10.24e9].map(clock)).toEqual([0, 1, 10]);
  });
});
