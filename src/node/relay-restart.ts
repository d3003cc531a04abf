/**
 * The replica of Hubble Relay that flows are read from ends, and its client looks for another.
 *
 * The client's connection had been up, so its first attempt comes at once; without a ready replica attempts fail at once
 * (socket LB knows no backend) and come again at gRPC's own pace (doc/connection-backoff.md). A single replica is gone until
 * its successor's container runs and a readiness probe has passed: the chart replaces pods one at a time, the old one first
 * (`updateStrategy.rollingUpdate.maxUnavailable: 1`). With more replicas the client may try the one that ends once more.
 */
import type { RandomStream } from "../core/random.js";
import type { Simulation } from "../core/simulation.js";
import { NS_PER_S } from "../core/units.js";
import type { NodeFlows } from "./node-flows.js";

/** gRPC's backoff: first 1 s, then 1.6 times as long, up to 120 s, each ±20 %. */
const BACKOFF_FIRST_NS = NS_PER_S;
const BACKOFF_FACTOR = 1.6;
const BACKOFF_MAX_NS = 120 * NS_PER_S;
const BACKOFF_JITTER = 0.2;
/** Kubernetes' default period of probes; the chart sets none for Relay's readiness. */
const PROBE_NS = 10 * NS_PER_S;

export class RelayRestart {
  readonly #flows: NodeFlows;
  readonly #simulation: Simulation;
  readonly #random: RandomStream;
  readonly #replicas: number;
  readonly #attempts: number;
  #readyNs = 0;
  /** Restarts so far: attempts of a client that has lost another replica meanwhile don't count. */
  #restarts = 0;

  constructor(flows: NodeFlows, simulation: Simulation, random: RandomStream, replicas: number) {
    this.#flows = flows;
    this.#simulation = simulation;
    this.#random = random;
    this.#replicas = replicas;
    this.#attempts = simulation.on((restart, attempt) => this.#attempt(restart, attempt));
  }

  /** The replica ends now; its successor's container runs `startNs` later. */
  begin(startNs: number): void {
    const { now } = this.#simulation;
    this.#readyNs = Math.max(this.#readyNs, now + this.#readyAfter(startNs));
    this.#flows.cut(now);
    this.#restarts++;
    this.#attempt(this.#restarts, 0);
  }

  #readyAfter(startNs: number): number {
    if (this.#replicas === 1) return startNs + Math.ceil(this.#random.nextFloat() * PROBE_NS);
    // Another replica serves, unless the Service's address leads to the one that ends, once.
    return this.#random.nextFloat() < 1 / this.#replicas ? 1 : 0;
  }

  #attempt(restart: number, attempt: number): void {
    if (restart !== this.#restarts) return;
    const { now } = this.#simulation;
    if (now >= this.#readyNs) {
      this.#flows.reconnect(now);
      return;
    }
    const backoff = Math.min(BACKOFF_FIRST_NS * BACKOFF_FACTOR ** attempt, BACKOFF_MAX_NS);
    const jitter = 1 + BACKOFF_JITTER * (2 * this.#random.nextFloat() - 1);
    this.#simulation.at(now + Math.ceil(backoff * jitter), this.#attempts, restart, attempt + 1);
  }
}
