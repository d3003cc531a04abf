import { describe, expect, it } from "vitest";
import { NotableConnections, type FlowName } from "./notable.js";

const flow = (nth: number, workload = 0): FlowName => ({
  workload, nth, protocol: 6, ipv6: false, source: 1, sourcePort: 40_000 + nth, target: 2, targetPort: 80,
});

describe("connections that deserve a look", () => {
  it("keeps the 64 slowest, the first of equal ones, slowest first", () => {
    const notable = new NotableConnections();
    // Every 7th step modulo 100 gives each of 1 … 100 once, in no order; then the same again.
    for (let i = 1; i <= 200; i++) {
      const span = ((i * 7) % 100) + 1;
      if (span > notable.connectFloorNs) notable.connected(flow(i), i, span);
    }
    const kept = notable.list();
    expect(kept.map(({ spanNs }) => spanNs)).toEqual(Array.from({ length: 64 }, (_, i) => 100 - Math.floor(i / 2)));
    expect(kept[0]!.atNs).toBeLessThan(kept[1]!.atNs);
    expect(notable.connectFloorNs).toBe(69);
  });

  it("names sixteen connections for each reason to drop, each once", () => {
    const notable = new NotableConnections();
    for (let i = 0; i < 100; i++) {
      for (const [code, extError] of [[155, -7], [155, -16], [133, 0]] as const) {
        if (notable.wantsDropped(code, extError)) notable.dropped(flow(1 + Math.floor(i / 3)), code, extError, i);
      }
    }
    const names = notable.list().map(({ nth, drop }) => `${drop!.code}/${drop!.extError}:${nth}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names).toHaveLength(3 * 16);
    expect(notable.wantsDropped(133, 0)).toBe(false);
    expect(notable.wantsDropped(181, 0)).toBe(true);
  });

  it("puts failed and broken ones first", () => {
    const notable = new NotableConnections();
    notable.connected(flow(1), 1, 5);
    notable.broken(flow(2), 2, 5);
    notable.failed(flow(3), 3, 5);
    for (let i = 0; i < 70; i++) if (notable.wantsFailed) notable.failed(flow(10 + i), 4, 5);
    const kinds = notable.list().map(({ kind }) => kind);
    expect(kinds.slice(63, 66)).toEqual(["failed", "broken", "slow-connect"]);
    expect(kinds).toHaveLength(66);
  });
});
