/**
 * Endpoints coming and going: what the agent writes for one, and the conntrack walk that each costs
 * (`scrubIPsInConntrackTable`, pkg/endpoint). A new endpoint's first regeneration waits for the walk ("waiting for CT
 * clean"); a restored one skips it.
 */

import type { CiliumMaps } from "../maps.js";
import type { AddressWords } from "../maps/address.js";
import type { EndpointEntry } from "../maps/identity-maps.js";
import type { ConntrackGc } from "./conntrack-gc.js";
import type { ScrubRecord } from "./gc-records.js";
import { AddressSet } from "./gc-targets.js";

const BITS_PER_WORD = 32;

export interface LocalEndpoint extends EndpointEntry {
  /** One entry per family, each 1 or 4 words. */
  readonly addresses: readonly (readonly number[])[];
}

/** When an endpoint may carry traffic. */
export interface EndpointReady {
  readonly lxcId: number;
  readonly requested: number;
  readonly ready: number;
  /** How long it waited for the conntrack walk, ns. */
  readonly waited: number;
}

export class EndpointLifecycle {
  readonly #maps: CiliumMaps;
  readonly #gc: ConntrackGc;
  readonly #onReady: (endpoint: EndpointReady) => void;
  readonly #waiting = new Map<number, LocalEndpoint>();

  constructor(maps: CiliumMaps, gc: ConntrackGc, onReady: (endpoint: EndpointReady) => void) {
    this.#maps = maps;
    this.#gc = gc;
    this.#onReady = onReady;
  }

  /** A new endpoint: known at once to the identity map, reachable when its walk is done. Returns GC's next step. */
  setUp(now: number, endpoint: LocalEndpoint): number {
    for (const address of endpoint.addresses) {
      this.#maps.ipcache.insert(address, address.length * BITS_PER_WORD, { identity: endpoint.identity });
    }
    const { ticket, stepAt } = this.#gc.scrub(now, this.#sets(endpoint));
    this.#waiting.set(ticket, endpoint);
    return stepAt;
  }

  /** An endpoint from before the agent's restart: written without a walk. */
  restore(endpoint: LocalEndpoint): void {
    this.#write(endpoint);
  }

  /** An endpoint goes: out of the maps at once, its connections with the walk. Returns GC's next step. */
  remove(now: number, endpoint: LocalEndpoint): number {
    for (const address of endpoint.addresses) {
      this.#maps.endpoints.remove(address);
      this.#maps.ipcache.remove(address, address.length * BITS_PER_WORD);
    }
    this.#maps.removePolicy(endpoint.lxcId);
    return this.#gc.scrub(now, this.#sets(endpoint)).stepAt;
  }

  /** To be called for every scrub that GC reports. */
  scrubbed(record: ScrubRecord): void {
    const endpoint = this.#waiting.get(record.ticket);
    if (endpoint === undefined) return;
    this.#waiting.delete(record.ticket);
    this.#write(endpoint);
    const { requested, end } = record;
    this.#onReady({ lxcId: endpoint.lxcId, requested, ready: end, waited: end - requested });
  }

  #write(endpoint: LocalEndpoint): void {
    for (const address of endpoint.addresses) {
      this.#maps.endpoints.insert(address, endpoint);
      this.#maps.ipcache.insert(address, address.length * BITS_PER_WORD, { identity: endpoint.identity });
    }
  }

  /** One set per pair of conntrack maps, in the collection's order. */
  #sets(endpoint: LocalEndpoint): readonly AddressSet[] {
    const words = this.#gc.targets.filter((target) => target.protocol === "tcp").map((target) => target.addressWords);
    return words.map((addressWords: AddressWords) => {
      const set = new AddressSet(addressWords);
      for (const address of endpoint.addresses) {
        if (address.length === addressWords) set.add(Int32Array.from(address));
      }
      return set;
    });
  }
}
