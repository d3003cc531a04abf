import { describe, expect, it } from "vitest";
import { addEntry, addMapping, pair4, pair6 } from "../../../test/support/conntrack-maps.js";
import { settled } from "../profile/assumptions.js";
import { ciliumProfile } from "../profile/cilium.js";
import { kernelProfile } from "../profile/kernel.js";
import { ConntrackGc, NO_STEP } from "./conntrack-gc.js";
import { conntrackGcConfig } from "./gc-config.js";
import { MEASURED_GC_COSTS } from "./gc-costs.js";
import type { GcObserver, GcRunRecord, ScrubRecord, SignalOutcome } from "./gc-records.js";
import { AddressSet } from "./gc-targets.js";
import type { ConntrackPair } from "./gc-targets.js";
import { defaultSettings } from "./settings.js";
import type { CiliumSettings } from "./settings.js";

const S = 1e9;
const MS = 1e6;
const NODE = 0x0a00000a;

/** A collection driven by a bare agenda of times; `at` plays the datapath in between. */
class Bench {
  readonly gc: ConntrackGc;
  readonly runs: GcRunRecord[] = [];
  readonly scrubs: ScrubRecord[] = [];
  readonly signals: SignalOutcome[] = [];
  now = 0;
  #events: { time: number; run: () => void }[] = [];

  constructor(
    version: string,
    pairs: readonly ConntrackPair[],
    settings: Partial<CiliumSettings> = {},
    more: { kernel?: string; restored?: AddressSet[]; observer?: GcObserver } = {},
  ) {
    const profile = settled(ciliumProfile(version));
    const config = conntrackGcConfig(
      profile,
      kernelProfile(more.kernel ?? "6.18"),
      { ...defaultSettings(profile), ...settings },
      { pairs, cpu: 0, bootSeconds: 0, restored: more.restored ?? [] },
    );
    this.gc = new ConntrackGc(config, MEASURED_GC_COSTS, {
      onRun: (record) => this.runs.push(record),
      onScrub: (record) => this.scrubs.push(record),
      onSignal: (_now, _type, _family, outcome) => this.signals.push(outcome),
      ...more.observer,
    });
  }

  start(): this {
    this.#schedule(this.gc.start(0));
    return this;
  }

  at(time: number, run: () => void): this {
    this.#events.push({ time, run });
    return this;
  }

  signal(time: number, family: 4 | 6): this {
    return this.at(time, () => this.#schedule(this.gc.signal(time, "nat_fill_up", family)));
  }

  scrub(time: number, addresses: readonly AddressSet[]): this {
    return this.at(time, () => this.#schedule(this.gc.scrub(time, addresses).stepAt));
  }

  until(end: number): this {
    for (;;) {
      const next = this.#events.reduce<{ time: number; run: () => void } | undefined>(
        (first, each) => (first === undefined || each.time < first.time ? each : first),
        undefined,
      );
      if (next === undefined || next.time > end) return this;
      this.#events.splice(this.#events.indexOf(next), 1);
      this.now = next.time;
      next.run();
    }
  }

  #schedule(time: number): void {
    if (time === NO_STEP) return;
    this.at(time, () => this.#schedule(this.gc.step(time)));
  }
}

describe("the pass", () => {
  it("deletes an expired connection and both NAT entries, counts, and chooses 450 s after an idle first pass", () => {
    const pair = pair4(1024, 1024, 2048);
    const flow = { source: 1, destination: 2, sport: 1000, dport: 80 };
    addEntry(pair.tcp.ct, { ...flow, lifetime: -1 >>> 1 });
    addEntry(pair.tcp.ct, { ...flow, sport: 1001, lifetime: 0 });
    addMapping(pair.tcp.nat!, { ...flow, address: NODE, port: 40_000 });
    addMapping(pair.tcp.nat!, { ...flow, sport: 1001, address: NODE, port: 40_001 });
    const bench = new Bench("1.19.0", [pair]);
    bench.start().until(1 * S);
    expect(bench.runs[0]!.maps[0]).toMatchObject({ alive: 2, deleted: 0, completed: true });
    bench.until(460 * S);
    const pass = bench.runs[1]!;
    expect(pass).toMatchObject({ cause: "timer", full: true, success: true, run: 1 });
    expect(pass.maps[0]).toMatchObject({ map: "ct4_global", alive: 1, deleted: 1, natDeleted: 2, ratio: 1 / 1024 });
    expect(pair.tcp.nat!.map.count).toBe(2);
    expect(bench.runs[0]!.intervalMetric).toBe(300 * S);
    expect(pass).toMatchObject({ reason: "lengthened", wait: 450 * S });
  });

  it("reckons the largest share of a map's size that it deleted: neither of what lived, nor of all maps together", () => {
    const pair = pair4(1024, 2048, 64);
    for (let i = 0; i < 100; i++) addEntry(pair.tcp.ct, { source: i, destination: 7, sport: i, dport: 80, lifetime: 0 });
    for (let i = 0; i < 300; i++) addEntry(pair.any.ct, { source: i, destination: 7, sport: i, dport: 53, lifetime: 0 });
    const pass = new Bench("1.18.0", [pair]).start().until(310 * S).runs[1]!;
    expect(pass.maps.map(({ deleted, ratio }) => [deleted, ratio])).toEqual([
      [100, 100 / 1024],
      [300, 300 / 2048],
    ]);
    expect(pass).toMatchObject({ ratio: 300 / 2048, reason: "unchanged", wait: 300 * S });
  });

  it("takes the time that its system calls cost, in slices", () => {
    const pair = pair4(4096, 1024, 64);
    for (let i = 0; i < 4000; i++) addEntry(pair.tcp.ct, { source: i, destination: 7, sport: i, dport: 80, lifetime: 1e6 });
    const bench = new Bench("1.17.1", [pair]).start().until(10 * S);
    const walk = bench.runs[0]!.maps[0]!;
    expect(walk.alive).toBe(pair.tcp.ct.map.count);
    expect(walk.cpuNs).toBe(walk.alive * MEASURED_GC_COSTS.keyWalkEntryNs);
    expect(walk.end - walk.start).toBe(walk.cpuNs);
    expect(bench.gc.totalCpuNs).toBeGreaterThanOrEqual(walk.cpuNs);
  });

  it("walks in batches from 1.18 on, several times faster", () => {
    const fill = (): ConntrackPair => {
      const pair = pair4(4096, 1024, 64);
      for (let i = 0; i < 4000; i++) addEntry(pair.tcp.ct, { source: i, destination: 7, sport: i, dport: 80, lifetime: 1e6 });
      return pair;
    };
    const [batch, keys] = ["1.18.0", "1.17.1"].map((version) => new Bench(version, [fill()]).start().until(1 * S).runs[0]!);
    expect(batch!.cpuNs).toBeLessThan(keys!.cpuNs / 5);
  });
});

describe("the first scan", () => {
  it("drops entries between unknown addresses up to 1.15.1 only", () => {
    for (const [version, left] of [
      ["1.15.1", 2],
      ["1.15.2", 3],
    ] as const) {
      const pair = pair4(64, 64, 64);
      addEntry(pair.tcp.ct, { source: 1, destination: 50, sport: 1, dport: 80, lifetime: 1e6 });
      addEntry(pair.tcp.ct, { source: 60, destination: 1, sport: 2, dport: 80, lifetime: 1e6 });
      addEntry(pair.tcp.ct, { source: 60, destination: 50, sport: 3, dport: 80, lifetime: 1e6 });
      const restored = [new AddressSet(1).add(Int32Array.of(1))];
      new Bench(version, [pair], {}, { restored }).start().until(1 * S);
      expect(pair.tcp.ct.map.count, version).toBe(left);
    }
  });

  it("complains, or ends the process, when it takes longer than 30 s", () => {
    for (const [version, action] of [
      ["1.16.4", "exit"],
      ["1.17.0", "warn"],
    ] as const) {
      const seen: string[] = [];
      const pair = pair4(64, 64, 64);
      addEntry(pair.tcp.ct, { source: 1, destination: 2, sport: 1, dport: 80, lifetime: 1e6 });
      const bench = new Bench(version, [pair], {}, { observer: { onFirstScanLate: (_now, what) => seen.push(what) } });
      const first = bench.gc.start(0);
      bench.gc.step(first);
      bench.gc.step(31 * S); // the agent's CPU was taken all the while
      expect(seen).toEqual([action]);
    }
  });
});

describe("signals", () => {
  it("wake the loop for one family, are muted until the pass ends, and bring the orphan scan", () => {
    const pair = pair4(64, 64, 64);
    addMapping(pair.tcp.nat!, { source: 1, destination: 2, sport: 1, dport: 80, address: NODE, port: 40_000 });
    const six = pair6(64, 64, 64);
    const bench = new Bench("1.18.0", [pair, six]).start();
    bench.signal(10 * S, 4).signal(10 * S, 6).signal(20 * S, 6).until(30 * S);
    expect(bench.signals).toEqual(["received", "muted", "received"]);
    expect(bench.runs.map((run) => [run.cause, run.families, run.full])).toEqual([
      ["start", 3, true],
      ["signal", 1, false],
      ["signal", 2, false],
    ]);
    expect(bench.runs[0]!.orphans).toEqual([]);
    expect(bench.runs[1]!.maps.map((walk) => walk.map)).toEqual(["ct4_global", "ct_any4_global"]);
    expect(bench.runs[1]!.orphans[0]).toMatchObject({ map: "snat_v4_external", ingressDeleted: 1, egressDeleted: 1 });
    expect(pair.tcp.nat!.map.count).toBe(0);
  });

  it("leave orphans alone on timer passes", () => {
    const pair = pair4(64, 64, 64);
    addMapping(pair.tcp.nat!, { source: 1, destination: 2, sport: 1, dport: 80, address: NODE, port: 40_000 });
    new Bench("1.18.0", [pair], { conntrackGcInterval: (10 * S) as never }).start().until(100 * S);
    expect(pair.tcp.nat!.map.count).toBe(2);
  });

  it("of one family starve the other in the older form (M9), not in the newer one", () => {
    for (const [version, starved] of [
      ["1.17.1", true],
      ["1.19.0", false],
    ] as const) {
      const six = pair6(64, 64, 64);
      const bench = new Bench(version, [pair4(64, 64, 64), six]).start();
      for (let t = 100; t < 2000; t += 100) bench.signal(t * S, 4);
      bench.until(2000 * S);
      const v6 = bench.runs.filter((run) => run.start > 0 && run.cause === "timer");
      expect(v6.length === 0, version).toBe(starved);
    }
  });

  it("of the conntrack kind are unknown to 1.19, and of a disabled family to all", () => {
    const bench = new Bench("1.19.0", [pair4(64, 64, 64)]).start().until(1 * S);
    expect(bench.gc.signal(2 * S, "ct_fill_up", 4)).toBe(NO_STEP);
    expect(bench.gc.signal(2 * S, "nat_fill_up", 6)).toBe(NO_STEP);
    expect(bench.signals).toEqual(["unregistered", "unregistered"]);
  });
});

describe("races", () => {
  it("M5: a batch deletes an entry that was refreshed after it was read; a key walk does not", () => {
    for (const [version, lost] of [
      ["1.18.0", true],
      ["1.17.1", false],
    ] as const) {
      const pair = pair4(64, 64, 64);
      const slot = addEntry(pair.tcp.ct, { source: 1, destination: 7, sport: 5, dport: 80, lifetime: 1 });
      const bench = new Bench(version, [pair], { conntrackGcInterval: (10 * S) as never }).start().until(5 * S);
      const start = bench.gc.nextPassAt;
      bench.at(start + 10, () => pair.tcp.ct.setLifetime(slot, 1e6)).until(start + 1 * S);
      expect(bench.runs[1]!.maps[0]).toMatchObject({ deleted: 1 });
      expect(bench.runs[1]!.maps[0]!.refreshedDeletions > 0, version).toBe(lost);
    }
  });

  it("M3: while a walk holds bucket locks, inserts on its CPU are refused; on kernels 5.11 to 6.14 only", () => {
    for (const [kernel, refused] of [
      ["5.10", false],
      ["5.15", true],
      ["6.18", false],
    ] as const) {
      const pair = pair4(2048, 64, 64);
      for (let i = 0; i < 2000; i++) addEntry(pair.tcp.ct, { source: i, destination: 7, sport: i, dport: 80, lifetime: 1e6 });
      const bench = new Bench("1.18.0", [pair], {}, { kernel }).start();
      const results = [0, 0];
      for (let i = 0; i < 64; i++) {
        bench.at(100 + i, () => {
          for (const cpu of [0, 1]) {
            const slot = addEntry(pair.tcp.ct, { source: i, destination: 9, sport: i, dport: 81, lifetime: 1e6 }, cpu);
            if (slot === -16) results[cpu]!++;
          }
        });
      }
      bench.until(1 * S);
      expect(results[0]! > 0, kernel).toBe(refused);
      expect(results[1], kernel).toBe(0);
      expect(addEntry(pair.tcp.ct, { source: 9, destination: 9, sport: 9, dport: 9, lifetime: 1 }, 0)).toBeGreaterThan(0);
    }
  });

  it("a key that vanishes under the walk throws it back, and entries are counted twice", () => {
    const pair = pair4(2048, 64, 64);
    for (let i = 0; i < 2000; i++) addEntry(pair.tcp.ct, { source: i, destination: 7, sport: i, dport: 80, lifetime: 1e6 });
    const count = pair.tcp.ct.map.count;
    const bench = new Bench("1.17.1", [pair]).start();
    const key = new Int32Array(4);
    bench.at(1.5 * MS, () => {
      // flush: whatever the walk stands on is gone
      while (pair.tcp.ct.map.nextKey(null, 0, key, 0) === 0) pair.tcp.ct.map.remove(key, 0, 1);
    });
    bench.at(1.5 * MS + 1, () => {
      for (let i = 0; i < 2000; i++) addEntry(pair.tcp.ct, { source: i, destination: 8, sport: i, dport: 80, lifetime: 1e6 });
    });
    bench.until(1 * S);
    const walk = bench.runs[0]!.maps[0]!;
    expect(walk.interrupted).toBe(1);
    expect(walk.alive).toBeGreaterThan(count);
  });
});

describe("scrubs", () => {
  it("walk every map for an endpoint's addresses and say how long that took", () => {
    const pair = pair4(2048, 64, 64);
    for (let i = 0; i < 1500; i++) addEntry(pair.tcp.ct, { source: 1 + (i % 3), destination: 9, sport: i, dport: 80, lifetime: 1e6 });
    addEntry(pair.any.ct, { source: 9, destination: 2, sport: 4, dport: 53, protocol: 17, lifetime: 1e6 });
    const before = pair.tcp.ct.map.count;
    const bench = new Bench("1.17.1", [pair]).start();
    bench.scrub(10 * S, [new AddressSet(1).add(Int32Array.of(2))]).until(20 * S);
    expect(bench.scrubs.length).toBe(1);
    const scrub = bench.scrubs[0]!;
    expect(scrub).toMatchObject({ requested: 10 * S, start: 10 * S, deleted: 501 });
    expect(scrub.end - scrub.start).toBe(scrub.cpuNs);
    expect(scrub.cpuNs).toBeGreaterThan(before * MEASURED_GC_COSTS.keyWalkEntryNs);
    expect(pair.any.ct.map.count).toBe(0);
  });

  it("take their turn while a pass is under way", () => {
    const pair = pair4(8192, 64, 64);
    for (let i = 0; i < 8000; i++) addEntry(pair.tcp.ct, { source: 1, destination: 9, sport: i, dport: 80, lifetime: 1e6 });
    const bench = new Bench("1.17.1", [pair]).start();
    const nobody = [new AddressSet(1)];
    bench.scrub(2 * MS, nobody).scrub(3 * MS, nobody).until(1 * S);
    expect(bench.scrubs.map((each) => each.ticket)).toEqual([0, 1]);
    expect(bench.scrubs[0]!.start).toBeGreaterThanOrEqual(bench.runs[0]!.maps[0]!.end);
    expect(bench.runs[0]!.success).toBe(true);
  });
});

describe("pressure counts", () => {
  it("come every 30 s after the first scan from 1.16 on", () => {
    const counts: [number, string, number][] = [];
    const pair = pair4(64, 64, 64);
    addEntry(pair.tcp.ct, { source: 1, destination: 9, sport: 3, dport: 80, lifetime: 1e6 });
    const observer = { onPressureCount: (now: number, map: string, entries: number) => void counts.push([now, map, entries]) };
    new Bench("1.16.4", [pair], {}, { observer }).start().until(100 * S);
    expect(counts.map(([, map, entries]) => [map, entries])).toEqual([
      ["ct4_global", 1],
      ["ct_any4_global", 0],
      ["ct4_global", 1],
      ["ct_any4_global", 0],
      ["ct4_global", 1],
      ["ct_any4_global", 0],
    ]);
    expect(Math.floor(counts[2]![0] / S)).toBe(60);
    counts.length = 0;
    new Bench("1.15.5", [pair], {}, { observer }).start().until(100 * S);
    expect(counts).toEqual([]);
  });
});
