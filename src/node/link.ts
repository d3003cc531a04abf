/** The network between the node and everybody else: a fixed delay, the time that a packet takes on the wire, and its faults. */
import type { RandomStream } from "../core/random.js";
import { NS_PER_S } from "../core/units.js";
import type { Cluster } from "../scenario/types.js";

const BITS_PER_BYTE = 8;

export class Link {
  /** Delay on top of the usual one, each way, ns. */
  extraDelayNs = 0;
  /** Share of packets that get lost. */
  loss = 0;
  readonly #oneWayNs: number;
  readonly #nsPerByte: number;
  readonly #random: RandomStream;

  constructor(cluster: Cluster, random: RandomStream) {
    this.#oneWayNs = Math.round(cluster.rttNs / 2);
    this.#nsPerByte = (BITS_PER_BYTE * NS_PER_S) / cluster.linkBitsPerSecond;
    this.#random = random;
  }

  /** From the sender's device to the receiver's, ns. */
  delayNs(bytes: number): number {
    return this.#oneWayNs + this.extraDelayNs + Math.round(bytes * this.#nsPerByte);
  }

  /** Draws a packet's fate; asks chance only while the link is faulty. */
  loses(): boolean {
    return this.loss > 0 && this.#random.chance(this.loss);
  }
}
