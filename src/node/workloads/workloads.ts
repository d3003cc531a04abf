/** Starts what the workloads of a scenario do, each at its own times. */
import type { RandomStream, RandomStreams } from "../../core/random.js";
import type { Simulation } from "../../core/simulation.js";
import type { Scenario, Workload } from "../../scenario/types.js";
import { arrivalTimes, type ArrivalTimes } from "./arrivals.js";
import { draw } from "./distributions.js";
import type { QueryApplication } from "./query-application.js";
import type { TcpApplication } from "./tcp-application.js";

/** Pools and closed loops are started over this span, so that they do not arrive in one packet train. */
const OPENING_NS = 1e9;

export class Workloads {
  readonly #simulation: Simulation;
  readonly #scenario: Scenario;
  readonly #streams: readonly RandomStream[];
  readonly #times: readonly (ArrivalTimes | null)[];
  readonly #tcp: TcpApplication;
  readonly #queries: QueryApplication;
  readonly #arrive: number;

  constructor(simulation: Simulation, scenario: Scenario, streams: RandomStreams, tcp: TcpApplication, queries: QueryApplication) {
    this.#simulation = simulation;
    this.#scenario = scenario;
    this.#tcp = tcp;
    this.#queries = queries;
    this.#streams = scenario.workloads.map(({ name }) => streams.stream(`arrivals/${name}`));
    this.#times = scenario.workloads.map((workload, index) =>
      workload.kind === "pool" ? null : arrivalTimes(workload.arrivals, workload.bursts, this.#streams[index]!),
    );
    this.#arrive = simulation.on((workload) => this.#arrival(workload));
  }

  /** Applications on the node are gone, and call nobody. */
  nodeDown = false;

  /** Pools of the node's own clients are opened anew. */
  reopenPools(): void {
    const { now } = this.#simulation;
    this.#scenario.workloads.forEach((workload, index) => {
      if (workload.kind !== "pool" || !isLocal(workload)) return;
      for (let i = 0; i < workload.connections; i++) this.#at(now + Math.round((OPENING_NS * (i + 1)) / workload.connections), index);
    });
  }

  /** Schedules the first arrivals. */
  start(): void {
    this.#tcp.onEnd = (workload) => this.#ended(workload);
    this.#queries.onEnd = (workload) => this.#ended(workload);
    this.#scenario.workloads.forEach((workload, index) => {
      const times = this.#times[index]!;
      if (times !== null) this.#at(times.next(0), index);
      const clients = workload.kind === "pool" ? workload.connections : workload.arrivals.kind === "loop" ? workload.arrivals.clients : 0;
      for (let i = 0; i < clients; i++) this.#at(Math.round((OPENING_NS * (i + 1)) / clients), index);
    });
  }

  #at(time: number, workload: number): void {
    if (time <= this.#scenario.durationNs) this.#simulation.at(time, this.#arrive, workload, 0);
  }

  #arrival(workload: number): void {
    const times = this.#times[workload]!;
    if (times !== null) this.#at(times.next(this.#simulation.now), workload);
    if (this.nodeDown && isLocal(this.#scenario.workloads[workload]!)) return;
    switch (this.#scenario.workloads[workload]!.kind) {
      case "queries":
        this.#queries.open(workload);
        break;
      case "flood":
        this.#tcp.spoof(workload);
        break;
      default:
        this.#tcp.open(workload);
    }
  }

  /** A connection or an exchange is over: in a closed loop its client begins anew. */
  #ended(workload: number): void {
    const shape = this.#scenario.workloads[workload]!;
    if (shape.kind === "pool" || shape.arrivals.kind !== "loop") return;
    this.#at(this.#simulation.now + Math.round(draw(shape.arrivals.think, this.#streams[workload]!)), workload);
  }
}

/** Its clients live on the simulated node. */
function isLocal({ from }: Workload): boolean {
  return from.kind === "pod" || from.kind === "host";
}
