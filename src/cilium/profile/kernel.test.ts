import { describe, expect, it } from "vitest";
import { kernelProfile } from "./kernel.js";
import { UnknownVersionError } from "./version.js";

describe("kernelProfile", () => {
  it("knows the scaled refill and its back-ports", () => {
    for (const version of ["6.16", "6.18.44", "6.6.99", "6.6", "6.12.39", "6.12.117", "6.15.7"]) {
      expect(kernelProfile(version).lruRefill, version).toBe("scaled");
    }
    for (const version of ["6.1.176", "5.10", "5.15.100", "6.6.98", "6.12.38", "6.15.6", "6.14.11", "6.8.0-45-generic"]) {
      expect(kernelProfile(version).lruRefill, version).toBe("fixed");
    }
  });

  it("has EBUSY for nested inserts from 5.11 to 6.14", () => {
    expect(kernelProfile("5.10.230").bucketLock).toBe("plain");
    expect(kernelProfile("5.11").bucketLock).toBe("per-cpu-counter");
    expect(kernelProfile("6.14.9").bucketLock).toBe("per-cpu-counter");
    expect(kernelProfile("6.15").bucketLock).toBe("resilient");
  });

  it("spaces the first SYN retransmissions linearly from 6.5", () => {
    expect(kernelProfile("6.4").tcpSynLinearTimeouts).toBe(0);
    expect(kernelProfile("6.5").tcpSynLinearTimeouts).toBe(4);
  });

  it("ignores a distribution's suffix and fills in a patch", () => {
    expect(kernelProfile("5.15.0-105-generic").version).toBe("5.15.0");
    expect(kernelProfile("6.6").version).toBe("6.6.120");
  });

  it("refuses kernels outside its range and names the nearest", () => {
    for (const [version, nearest] of [
      ["4.19", "5.10"],
      ["5.4.0", "5.10"],
      ["5.20", "5.19"],
      ["6.19", "6.18"],
      ["rolling", "6.18"],
    ] as const) {
      expect(() => kernelProfile(version)).toThrow(UnknownVersionError);
      try {
        kernelProfile(version);
      } catch (error) {
        expect((error as UnknownVersionError).nearest).toBe(nearest);
      }
    }
  });
});
