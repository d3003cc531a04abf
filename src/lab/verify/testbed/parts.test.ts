import { describe, expect, it } from "vitest";
import { RandomStreams } from "../../../core/random.js";
import { TcpFlag } from "../../../traffic/tcp-peers.js";
import { Classifier, type ClassifierSettings } from "./classifier.js";
import { recordedArrivals, recordedHolds } from "./generator.js";
import { bootTimeOf } from "./host-clock.js";
import { kolmogorovSmirnov } from "./measures.js";
import { simulateExperiment, type ExperimentSettings } from "./simulate.js";

describe("recorded arrivals", () => {
  it("repeats the moments of a recording with seed 11 and 100 connections/s", () => {
    const micros = recordedArrivals(11, 100, 90).map((s) => Math.floor(s * 1e6));
    expect(micros.slice(0, 8)).toEqual([2526, 3439, 6253, 12119, 13010, 16672, 23855, 78490]);
    expect(micros.length).toBe(9134);
  });
});

describe("recorded holds", () => {
  it("repeats those of a recording with seed 11 and a mean of 5 s, which tells whole ms", () => {
    const holds = recordedHolds(11, 5000, 5);
    expect(holds.map(Math.floor)).toEqual([7187, 21_819, 15_474, 2281, 10_516]);
    expect(holds[0]).toBeCloseTo(7187.612, 3);
  });
});

describe("load generator", () => {
  /** Moments of a connection's packets, µs, by its number. */
  function packetsOf(lagUs: readonly number[]): number[][] {
    const packets: number[][] = lagUs.map(() => []);
    const settings: ExperimentSettings = {
      classifier: { mapType: "hash", maxEntries: 10, synTimeoutMs: 6000, estTimeoutMs: 8000, closeTimeoutMs: 1000, nonSynMode: "drop", cpus: 1 },
      load: { requestIntervalS: 1, connectTimeoutS: 15, ioTimeoutS: 5 },
      hook: "server", lengthS: 5, gcStartUs: [], kernel: [6, 18], client: {}, server: {},
    };
    const offered = { startUs: [0, 100_000, 2_000_000], lagUs, holdMs: [2500, 10, 10], leak: [0, 0, 0] };
    simulateExperiment(settings, offered, {
      bootedNs: 0, cpuOf: () => 0, onPacket: (connection, _fromClient, _flags, now) => packets[connection]!.push(now / 1000),
    });
    return packets;
  }

  it("starts late, and each request is later by the time in which its process wakes", () => {
    const packets = packetsOf([80, 80, 80]);
    const moments = packets[0]!;
    expect(packets.map((of) => of[0])).toEqual([80, 100_080, 2_000_080]);
    expect(moments).toContain(1_000_200);
    expect(moments).toContain(2_000_280);
    expect(moments).toContain(2_500_200);
  });

  it("comes to nothing else while a start is held up", () => {
    expect(packetsOf([80, 80, 5000])[0]).toContain(2_005_000);
  });
});

describe("host clock", () => {
  const jiffyUs = 4000;
  /** Events whose second segment is sent at a multiple of `step` jiffies, seen from a phase. */
  function events(phaseUs: number): { atUs: number[]; connection: number[]; code: number[] } {
    const atUs: number[] = [];
    const connection: number[] = [];
    let next = 0;
    for (const [step, gap] of [[8, 256], [64, 1100], [512, 8000]] as const) {
      for (let i = 0; i < 50; i++) {
        const second = (Math.ceil((gap + 97 * i) / step) + 100) * step * jiffyUs + phaseUs;
        atUs.push(second - gap * jiffyUs, second + 120);
        connection.push(next, next++);
      }
    }
    const order = atUs.map((_, i) => i).sort((a, b) => atUs[a]! - atUs[b]!);
    return { atUs: order.map((i) => atUs[i]!), connection: order.map((i) => connection[i]!), code: order.map(() => 2) };
  }

  it.each([0, 13_250, 31_000, 800_250, 2_000_000])("finds the phase %i µs from retransmissions", (phaseUs) => {
    const booted = bootTimeOf(events(phaseUs), 250, new RandomStreams(1).stream("boot"));
    const step = 512 * jiffyUs;
    const atMultiple = (booted / 1000 + phaseUs) % step;
    expect(Math.min(atMultiple, step - atMultiple)).toBeLessThanOrEqual(250);
  });

  it("draws what it can't see", () => {
    const none = { atUs: [], connection: [], code: [] };
    const draws = [1, 2, 3, 4].map((run) => bootTimeOf(none, 250, new RandomStreams("x", run).stream("boot")));
    expect(new Set(draws).size).toBeGreaterThan(1);
  });
});

describe("Kolmogorov-Smirnov distance", () => {
  it("is the largest gap between the two distributions", () => {
    expect(kolmogorovSmirnov([1, 2, 3, 4], [1, 2, 3, 4])).toBe(0);
    expect(kolmogorovSmirnov([1, 1, 1, 2], [1, 2, 2, 2])).toBe(0.5);
    expect(kolmogorovSmirnov([1, 2], [3, 4])).toBe(1);
    expect(kolmogorovSmirnov([], [1])).toBe(1);
    expect(kolmogorovSmirnov([], [])).toBe(0);
  });
});

describe("classifier", () => {
  const settings: ClassifierSettings = {
    mapType: "hash", maxEntries: 2, synTimeoutMs: 6000, estTimeoutMs: 20_000, closeTimeoutMs: 1000, nonSynMode: "recreate", cpus: 2,
  };
  const ms = (value: number): number => value * 1e6;
  const { syn, ack, fin } = TcpFlag;

  it("keeps an entry from SYN to close and gives it back after its lifetime", () => {
    const classifier = new Classifier(settings);
    expect(classifier.packet(2000, 9000, true, syn, 0)).toBe(true);
    expect(classifier.packet(2000, 9000, false, syn | ack, 0)).toBe(true);
    classifier.collect(ms(6000));
    expect(classifier.map.count).toBe(1);
    expect(classifier.packet(2000, 9000, true, ack, ms(6000))).toBe(true);
    classifier.collect(ms(26_000));
    expect(classifier.map.count).toBe(1);
    classifier.packet(2000, 9000, true, fin | ack, ms(7000));
    classifier.packet(2000, 9000, false, fin | ack, ms(7000));
    classifier.packet(2000, 9000, true, ack, ms(7900));
    classifier.collect(ms(8000));
    expect(classifier.map.count).toBe(1);
    classifier.collect(ms(8001));
    expect(classifier.map.count).toBe(0);
    expect(classifier.counters).toMatchObject({ packets: 6, synCreated: 1, bothWaysClosed: 1, gcRuns: 4, gcDeleted: 1 });
  });

  it("refuses SYNs and recreations when the map is full, and lets known packets pass", () => {
    const classifier = new Classifier(settings);
    classifier.packet(2000, 9000, true, syn, 0);
    classifier.packet(2001, 9001, true, syn, 0);
    expect(classifier.packet(2002, 9002, true, syn, 0)).toBe(false);
    expect(classifier.packet(2003, 9003, false, ack, 0)).toBe(false);
    expect(classifier.packet(2001, 9001, false, ack, 0)).toBe(true);
    expect(classifier.counters).toMatchObject({ synRefused: 1, nonSynWithoutEntry: 1, nonSynRecreateFailed: 1 });
  });

  it("opens a closing entry again at a SYN", () => {
    const classifier = new Classifier(settings);
    classifier.packet(2000, 9000, true, syn, 0);
    classifier.packet(2000, 9000, true, fin | ack, 0);
    classifier.packet(2000, 9000, true, syn, 0);
    classifier.packet(2000, 9000, false, fin | ack, 0);
    expect(classifier.counters).toMatchObject({ synMatched: 1, synReopened: 1, bothWaysClosed: 0 });
  });
});
