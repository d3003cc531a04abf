/** Builds a recorded experiment from the simulator's parts and runs it. */
import { Simulation } from "../../../core/simulation.js";
import { NS_PER_MS, NS_PER_S, NS_PER_US } from "../../../core/units.js";
import { TcpPeers } from "../../../traffic/tcp-peers.js";
import { tcpProfile, type KernelRelease, type TcpProfile } from "../../../traffic/tcp-profile.js";
import { Classifier, type ClassifierCounters, type ClassifierSettings } from "./classifier.js";
import { Load, type LoadSettings, type OfferedLoad } from "./load.js";
import { Wire, type DataArrival, type PacketObserver, type SynArrival } from "./wire.js";

/** Distance between samples of the map's occupancy. */
const SAMPLE_MS = 100;

/** Everything that decides how an experiment goes, read from the recording's `params`. */
export interface ExperimentSettings {
  readonly classifier: ClassifierSettings;
  readonly load: LoadSettings;
  readonly hook: "client" | "server";
  /** Experiment time, s: arrivals and observation after them. */
  readonly lengthS: number;
  /** When GC passes began. */
  readonly gcStartUs: readonly number[];
  readonly kernel: KernelRelease;
  readonly client: Partial<TcpProfile>;
  readonly server: Partial<TcpProfile>;
}

/** Chooses the CPU of each new entry, at simulated time `now` in ns. */
export type CpuChoice = (now: number) => number;

/** What the recording's machine was like at the start, and what its scheduler did. */
export interface Circumstances {
  /** From the host's boot to time zero, ns: both namespaces share one kernel's jiffies. */
  readonly bootedNs: number;
  /** Which CPU makes each new entry of the map. */
  readonly cpuOf: CpuChoice;
  /** Told of every packet at the classifier. */
  readonly onPacket?: PacketObserver;
}

/** What a run shows, per connection and over time. */
export interface Observed {
  readonly load: Load;
  readonly counters: ClassifierCounters;
  readonly evicted: number;
  readonly synArrivals: readonly SynArrival[];
  readonly clientData: readonly DataArrival[];
  /** For each k the offsets of the k-th SYN retransmission from the first SYN, µs. */
  readonly attemptOffsetsUs: readonly (readonly number[])[];
  readonly events: number;
  /** Entries in the map at a sampled moment, ns. */
  occupancyAt(atNs: number): number;
}

export function simulateExperiment(settings: ExperimentSettings, offered: OfferedLoad, circumstances: Circumstances): Observed {
  const simulation = new Simulation();
  const classifier = new Classifier(settings.classifier);
  classifier.cpuOfNewEntry = () => circumstances.cpuOf(simulation.now);
  const load = new Load(simulation, offered, settings.load);
  const wire = new Wire(simulation, classifier, settings.hook, (socket) => load.ownerOf(socket));
  const peers = new TcpPeers(simulation, wire, load);
  wire.attach(peers);
  wire.onPacket = circumstances.onPacket;
  peers.addHost(tcpProfile(settings.kernel, settings.client), circumstances.bootedNs);
  peers.addHost(tcpProfile(settings.kernel, settings.server), circumstances.bootedNs);
  load.begin(peers);
  const occupancy = sample(simulation, classifier, settings.lengthS);
  const collect = simulation.on(() => classifier.collect(simulation.now));
  for (const us of settings.gcStartUs) simulation.at(us * NS_PER_US, collect, 0, 0);
  simulation.run(settings.lengthS * NS_PER_S);
  return {
    load,
    counters: classifier.counters,
    evicted: classifier.evicted,
    synArrivals: wire.synArrivals,
    clientData: wire.clientData,
    attemptOffsetsUs: offsetsOf(wire.synArrivals),
    events: simulation.events,
    occupancyAt: (atNs) => occupancy[Math.round(atNs / (SAMPLE_MS * NS_PER_MS))] ?? 0,
  };
}

function sample(simulation: Simulation, classifier: Classifier, lengthS: number): number[] {
  const occupancy: number[] = [];
  const kind = simulation.on((index) => {
    occupancy[index] = classifier.map.count;
  });
  const samples = Math.floor((lengthS * NS_PER_S) / (SAMPLE_MS * NS_PER_MS));
  for (let index = 0; index <= samples; index++) simulation.at(index * SAMPLE_MS * NS_PER_MS, kind, index, 0);
  return occupancy;
}

function offsetsOf(arrivals: readonly SynArrival[]): number[][] {
  const seen = new Map<number, { readonly first: number; attempts: number }>();
  const offsets: number[][] = [];
  for (const { connection, atNs } of arrivals) {
    const of = seen.get(connection);
    if (of === undefined) {
      seen.set(connection, { first: atNs, attempts: 0 });
      continue;
    }
    of.attempts++;
    (offsets[of.attempts] ??= []).push((atNs - of.first) / NS_PER_US);
  }
  return offsets;
}
