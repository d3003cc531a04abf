/** What happens to the node while the run goes on: takes the scenario's timeline from moment to moment. */
import type { DatapathContext } from "../cilium/datapath/context.js";
import type { CiliumMaps } from "../cilium/maps.js";
import type { RandomStream } from "../core/random.js";
import type { Simulation } from "../core/simulation.js";
import type { Policy } from "../scenario/pod-types.js";
import type { Happening, Scenario } from "../scenario/types.js";
import { BackendChanges, type BackendParts } from "./backend-changes.js";
import { ClientReplacement } from "./client-replacement.js";
import type { Collector } from "./collector.js";
import type { CpuQueues } from "./cpu.js";
import type { Link } from "./link.js";
import type { MapWatch } from "./map-watch.js";
import type { NodeFlows } from "./node-flows.js";
import { NodeRestart, type RestartParts } from "./node-restart.js";
import type { PolicyWriter } from "./policies.js";
import { RelayCut } from "./relay-cut.js";
import { RelayRestart } from "./relay-restart.js";
import type { Topology } from "./topology.js";

type MapName = "ct4_global" | "ct_any4_global" | "snat_v4_external";

export interface TimelineParts extends BackendParts, RestartParts {
  readonly simulation: Simulation;
  readonly scenario: Scenario;
  readonly topology: Topology;
  readonly maps: CiliumMaps;
  readonly datapath: DatapathContext;
  readonly policies: PolicyWriter;
  readonly flows: NodeFlows;
  readonly relayChance: RandomStream;
  readonly collector: Collector;
  readonly watch: MapWatch;
  readonly link: Link;
  readonly cpus: CpuQueues;
}

/** Whether a thing with a length begins or ends. */
const BEGINS = 0;
const ENDS = 1;

export class Timeline {
  readonly #parts: TimelineParts;
  readonly #backends: BackendChanges;
  readonly #clients: ClientReplacement;
  readonly #restart: NodeRestart;
  readonly #relay: RelayCut;
  readonly #replica: RelayRestart;
  readonly #happens: number;
  #policies: readonly Policy[];

  constructor(parts: TimelineParts) {
    this.#parts = parts;
    this.#policies = parts.scenario.policies;
    this.#backends = new BackendChanges(parts);
    this.#clients = new ClientReplacement(parts);
    this.#restart = new NodeRestart(parts);
    this.#relay = new RelayCut(parts.flows, parts.simulation);
    this.#replica = new RelayRestart(parts.flows, parts.simulation, parts.relayChance, parts.scenario.observe.hubble?.relay.replicas ?? 1);
    this.#happens = parts.simulation.on((index, phase) => this.#happen(parts.scenario.timeline[index]!.happening, index, phase));
  }

  /** Schedules every event of the run. */
  start(): void {
    const { scenario, simulation } = this.#parts;
    scenario.timeline.forEach(({ atNs, everyNs, times }, index) => {
      for (let n = 0; n < times; n++) simulation.at(atNs + n * (everyNs ?? 0), this.#happens, index, BEGINS);
    });
  }

  #happen(happening: Happening, index: number, phase: number): void {
    const { link, cpus, collector, flows, simulation } = this.#parts;
    const begins = phase === BEGINS;
    switch (happening.kind) {
      case "backends":
        this.#backends.begin(happening);
        break;
      case "pods":
        this.#clients.begin(happening);
        break;
      case "agent":
        if (begins) this.#endLater(happening.downNs, index);
        if (begins) flows.agentStops(simulation.now);
        else flows.agentStarts(simulation.now);
        if (begins) collector.stop();
        else this.#startAgent(happening.resize);
        break;
      case "node":
        if (begins) this.#endLater(happening.downNs, index);
        if (begins) this.#restart.begin();
        else this.#restart.end();
        break;
      case "relay":
        this.#relay.begin(happening.downNs);
        break;
      case "relay-restart":
        this.#replica.begin(happening.startNs);
        break;
      case "gc":
        if (begins) this.#endLater(happening.lengthNs, index);
        collector.clockAheadNs = begins ? happening.aheadNs : 0;
        break;
      case "policy":
        this.#replacePolicy(happening.policy);
        break;
      case "link":
        if (begins) this.#endLater(happening.lengthNs, index);
        link.loss = begins ? happening.loss : 0;
        link.extraDelayNs = begins ? happening.delayNs : 0;
        break;
      case "cpu":
        if (begins) this.#endLater(happening.lengthNs, index);
        cpus.steal(begins ? happening.share : 0, happening.cpus ?? cpus.count);
        break;
    }
  }

  #endLater(lengthNs: number, index: number): void {
    const { simulation } = this.#parts;
    simulation.at(simulation.now + lengthNs, this.#happens, index, ENDS);
  }

  /** Maps whose size does not fit any more are created anew before anything else. */
  #startAgent(resize: Readonly<Record<string, number>>): void {
    const { maps, watch, collector } = this.#parts;
    for (const [name, entries] of Object.entries(resize)) {
      maps.recreate(name as MapName, entries);
      watch.renew(name as MapName);
    }
    collector.restart();
    this.#parts.flows.agentEvents?.started(this.#policies, this.#backends.written());
  }

  /** The agent writes the endpoints' policy maps anew, in one instant. */
  #replacePolicy(policy: Policy): void {
    const { policies, datapath } = this.#parts;
    this.#policies = [...this.#policies.filter(({ endpoints }) => endpoints !== policy.endpoints), policy];
    policies.replace(datapath, this.#policies, policy.endpoints);
    this.#parts.flows.agentEvents?.policyReplaced(policy);
  }
}
