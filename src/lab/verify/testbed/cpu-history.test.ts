import { describe, expect, it } from "vitest";
import { NS_PER_MS, NS_PER_US } from "../../../core/units.js";
import { TcpFlag } from "../../../traffic/tcp-peers.js";
import { followed, recoverHistory, type Move } from "./cpu-history.js";
import { recordedArrivals } from "./generator.js";
import type { OfferedLoad } from "./load.js";
import { EventCode, type RecordedEvents } from "./recording.js";
import { packetLog, ReplayedMap } from "./replay.js";
import { simulateExperiment, type ExperimentSettings, type Observed } from "./simulate.js";

const LENGTH_S = 16;
const GC_MS = [5000, 10_000, 15_000];

function settings(nonSynMode: "recreate" | "drop", maxEntries: number): ExperimentSettings {
  return {
    classifier: { mapType: "lru", maxEntries, synTimeoutMs: 6000, estTimeoutMs: 8000, closeTimeoutMs: 1000, nonSynMode, cpus: 2 },
    load: { requestIntervalS: 1, connectTimeoutS: 15, ioTimeoutS: 5 },
    hook: "server",
    lengthS: LENGTH_S,
    // Not at a sample's own moment.
    gcStartUs: GC_MS.map((ms) => ms * 1000 + 70),
    kernel: [6, 18],
    client: {},
    server: {},
  };
}

const arrivals = recordedArrivals(3, 50, LENGTH_S);
const offered: OfferedLoad = {
  startUs: arrivals.map((s) => Math.floor(s * 1e6)),
  lagUs: arrivals.map(() => 0),
  holdMs: arrivals.map((_, i) => 500 + ((i * 7919) % 4000)),
  leak: arrivals.map((_, i) => (i % 9 === 0 ? 1 : 0)),
};
const sampleMs = Array.from({ length: LENGTH_S * 10 }, (_, i) => i * 100);
const moves: readonly Move[] = [0, 4300, 6100, 7400, 9000, 9400, 11_800, 13_700].map((ms, i) => ({ fromNs: ms * NS_PER_MS, cpu: i % 2 }));

function occupancyOf(observed: Observed): number[] {
  return sampleMs.map((ms) => observed.occupancyAt(ms * NS_PER_MS));
}

describe("replayed map", () => {
  it.each([["recreate", 80], ["recreate", 200], ["drop", 80], ["drop", 200]] as const)(
    "holds at every sample what the simulation holds (%s, %i entries)",
    (mode, maxEntries) => {
      const experiment = settings(mode, maxEntries);
      const observed = simulateExperiment(experiment, offered, { bootedNs: 0, cpuOf: followed(moves) });
      const map = new ReplayedMap(packetLog(experiment, offered, 0), experiment.classifier);
      const cpuOf = followed(moves);
      const replayed = sampleMs.map((ms, i) => {
        map.advance(ms * NS_PER_MS, cpuOf(sampleMs[Math.max(0, i - 1)]! * NS_PER_MS));
        return map.count;
      });
      expect(observed.evicted).toBeGreaterThan(200);
      expect(replayed).toEqual(occupancyOf(observed));
      map.advance(LENGTH_S * 1e9, cpuOf(LENGTH_S * 1e9));
      expect(map.evicted).toBe(observed.counters.synCreated + observed.counters.nonSynRecreated - observed.counters.gcDeleted - map.count);
    },
  );

  it("goes on from a copy as from the original", () => {
    const experiment = settings("recreate", 120);
    const log = packetLog(experiment, offered, 0);
    const [map, copy] = [new ReplayedMap(log, experiment.classifier), new ReplayedMap(log, experiment.classifier)];
    map.advance(8e9, 1);
    copy.advance(3e9, 0);
    copy.assign(map);
    copy.advance(15e9, 0);
    expect([map.count, map.freeOn(1)]).not.toEqual([copy.count, copy.freeOn(1)]);
    map.advance(15e9, 0);
    expect([map.count, map.evicted, map.freeOn(0), map.freeOn(1)]).toEqual([copy.count, copy.evicted, copy.freeOn(0), copy.freeOn(1)]);
  });
});

/** A simulation that follows a history, and which packets made entries in it. */
function recorded(experiment: ExperimentSettings, history: readonly Move[]): { observed: Observed; events: RecordedEvents } {
  const events = { atUs: [] as number[], connection: [] as number[], code: [] as number[] };
  const cpuOf = followed(history);
  let packet = { connection: 0, tcpFlags: 0 };
  const observed = simulateExperiment(experiment, offered, {
    bootedNs: 0,
    cpuOf: (now) => {
      events.atUs.push(now / NS_PER_US);
      events.connection.push(packet.connection);
      events.code.push((packet.tcpFlags & (TcpFlag.syn | TcpFlag.ack)) === TcpFlag.syn ? EventCode.synNew : EventCode.recreated);
      return cpuOf(now);
    },
    onPacket: (connection, _fromClient, tcpFlags) => (packet = { connection, tcpFlags }),
  });
  return { observed, events };
}

describe("history of CPUs", () => {
  it.each([
    ["recreate", 200, "which packets made entries", true],
    ["drop", 200, "occupancy alone", false],
  ] as const)("is recovered (%s, %i entries, from %s)", (mode, maxEntries, _from, isTold) => {
    const experiment = settings(mode, maxEntries);
    const { observed, events } = recorded(experiment, moves);
    const samples = { sampleMs, occupancy: occupancyOf(observed), evicted: undefined, gcStartUs: experiment.gcStartUs };
    const history = recoverHistory(packetLog(experiment, offered, 0, isTold ? events : undefined), experiment.classifier, samples);
    const again = simulateExperiment(experiment, offered, { bootedNs: 0, cpuOf: followed(history) });
    expect(history.length).toBeGreaterThan(3);
    expect(history.length).toBeLessThanOrEqual(2 * moves.length);
    expect(occupancyOf(again)).toEqual(samples.occupancy);
    expect(again.evicted).toBe(observed.evicted);
    const stayed = simulateExperiment(experiment, offered, { bootedNs: 0, cpuOf: () => 0 });
    expect(occupancyOf(stayed)).not.toEqual(samples.occupancy);
  });
});
