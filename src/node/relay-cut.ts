/**
 * Hubble Relay loses its connection to the node (its certificate was rotated on one side only), and with it the flows that
 * come meanwhile: the node goes on seeing them. Relay tries again at its own pace (pkg/hubble/relay/pool, retry timeout).
 */
import type { Simulation } from "../core/simulation.js";
import { NS_PER_S } from "../core/units.js";
import type { NodeFlows } from "./node-flows.js";

/** Relay's pause before it dials a node again, s (`hubble-relay --retry-timeout`, 30 s). */
const RETRY_S = 30;

export class RelayCut {
  readonly #flows: NodeFlows;
  readonly #simulation: Simulation;
  readonly #back: number;
  /** When the last cut ends; an earlier one that ends before it changes nothing. */
  #untilNs = 0;

  constructor(flows: NodeFlows, simulation: Simulation) {
    this.#flows = flows;
    this.#simulation = simulation;
    this.#back = simulation.on(() => {
      if (simulation.now >= this.#untilNs) flows.reconnect(simulation.now);
    });
  }

  /** For `lengthNs` no connection can be made; the first attempt after that succeeds. */
  begin(lengthNs: number): void {
    const { now } = this.#simulation;
    if (now >= this.#untilNs) this.#flows.cut(now);
    const backNs = now + Math.max(1, Math.ceil(lengthNs / (RETRY_S * NS_PER_S))) * RETRY_S * NS_PER_S;
    this.#untilNs = Math.max(this.#untilNs, backNs);
    this.#simulation.at(backNs, this.#back, 0, 0);
  }
}
