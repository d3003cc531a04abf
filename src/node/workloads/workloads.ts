/** Starts what the workloads of a scenario do, each at its own times. */
import type { RandomStreams } from "../../core/random.js";
import type { Simulation } from "../../core/simulation.js";
import type { Scenario } from "../../scenario/types.js";
import { ArrivalProcess } from "./arrivals.js";
import type { QueryApplication } from "./query-application.js";
import type { TcpApplication } from "./tcp-application.js";

/** Pools are opened over this span from the start, so that they do not arrive in one packet train. */
const POOL_OPENING_NS = 1e9;

export class Workloads {
  readonly #simulation: Simulation;
  readonly #scenario: Scenario;
  readonly #arrivals: readonly (ArrivalProcess | null)[];
  readonly #tcp: TcpApplication;
  readonly #queries: QueryApplication;
  readonly #arrive: number;

  constructor(simulation: Simulation, scenario: Scenario, streams: RandomStreams, tcp: TcpApplication, queries: QueryApplication) {
    this.#simulation = simulation;
    this.#scenario = scenario;
    this.#tcp = tcp;
    this.#queries = queries;
    this.#arrivals = scenario.workloads.map((workload) =>
      workload.kind === "pool" ? null : new ArrivalProcess(workload, streams.stream(`arrivals/${workload.name}`)),
    );
    this.#arrive = simulation.on((workload) => this.#arrival(workload));
  }

  /** Schedules the first arrivals. */
  start(): void {
    this.#scenario.workloads.forEach((workload, index) => {
      const process = this.#arrivals[index]!;
      if (process !== null) this.#simulation.at(process.next(0), this.#arrive, index, 0);
      if (workload.kind !== "pool") return;
      for (let i = 0; i < workload.connections; i++) {
        this.#simulation.at(Math.round((POOL_OPENING_NS * (i + 1)) / workload.connections), this.#arrive, index, 0);
      }
    });
  }

  #arrival(workload: number): void {
    const process = this.#arrivals[workload]!;
    if (process !== null) this.#simulation.at(process.next(this.#simulation.now), this.#arrive, workload, 0);
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
}
