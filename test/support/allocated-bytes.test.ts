import { describe, expect, it } from "vitest";
import { allocatedBytes } from "./allocated-bytes.js";

describe("allocatedBytes", () => {
  it("sees what is allocated, through collections", () => {
    let kept: number[] = [];
    const bytes = allocatedBytes(() => {
      for (let i = 0; i < 100_000; i++) kept = Array.from({ length: 100 }, () => i);
    });
    expect(kept.length).toBe(100);
    // 100 small integers of 8 bytes each, and their array's own overhead.
    expect(bytes).toBeGreaterThan(100_000 * 800);
    expect(bytes).toBeLessThan(100_000 * 4000);
  });

  it("sees next to nothing where nothing is allocated", () => {
    const words = new Int32Array(1000);
    const work = (): void => {
      for (let i = 0; i < 10_000_000; i++) words[i % 1000]!++;
    };
    work();
    expect(allocatedBytes(work)).toBeLessThan(200_000);
  });
});
