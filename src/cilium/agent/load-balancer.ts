/**
 * Services and backends into the load balancer's maps, and what becomes of them: pkg/maps/lbmap (`UpsertService`,
 * `DeleteService`) and the backend states of pkg/service.
 *
 *   active ──> terminating ──> gone          the id leaves `backends` only when no service lists it any more
 *
 * Only active backends take new connections. When none is left, terminating ones stand in. A live connection stays with
 * a terminating backend; it loses it when the id is gone.
 *
 * Simplified: one write is one instant, so nothing sees a service half updated; the order of writes is the agent's.
 */

import type { AddressWords } from "../maps/address.js";
import { formatAddress } from "../maps/address.js";
import type { MaglevMap } from "../maps/maglev-map.js";
import {
  BACKEND_ACTIVE,
  BACKEND_QUARANTINED,
  BACKEND_TERMINATING,
  LB_SELECTION_MAGLEV,
  SVC_FLAG_AFFINITY,
} from "../maps/service-maps.js";
import type { AffinityMatchMap, BackendMap, ReverseNatMap, ServiceMap } from "../maps/service-maps.js";
import { maglevTable } from "./maglev.js";
import type { MaglevBackend, MaglevOptions, MaglevProtocol } from "./maglev.js";

/** The maps of one family that hold services. */
export interface LoadBalancerMaps {
  readonly addressWords: AddressWords;
  readonly services: ServiceMap;
  readonly backends: BackendMap;
  readonly reverseNat: ReverseNatMap;
  readonly maglev: MaglevMap;
}

export interface BackendSpec {
  /** Words as keys hold them. */
  readonly address: readonly number[];
  readonly port: number;
  /** `BACKEND_*`. */
  readonly state: number;
  readonly weight: number;
}

export interface ServiceSpec {
  readonly address: readonly number[];
  readonly port: number;
  /** IP protocol number. */
  readonly protocol: number;
  readonly revNatIndex: number;
  /** `SVC_FLAG_*` of both flag bytes. */
  readonly flags: number;
  readonly flags2: number;
  /** Seconds; counts with `SVC_FLAG_AFFINITY`. */
  readonly affinityTimeout: number;
  /** `LB_SELECTION_*`; 0 = the node's default. */
  readonly algorithm: number;
  /** A Maglev table is kept for it: reachable from outside, and Maglev selected. */
  readonly maglev: boolean;
  readonly backends: readonly BackendSpec[];
}

const PROTOCOL_NAMES: Readonly<Record<number, MaglevProtocol>> = { 6: "TCP", 17: "UDP", 132: "SCTP" };

/** A map couldn't take what the agent had to write; the agent logs this and tries again later. */
export class LoadBalancerMapFullError extends Error {
  override readonly name = "LoadBalancerMapFullError";
  readonly map: string;
  readonly errno: number;

  constructor(map: string, errno: number) {
    super(`${map}: update failed with errno ${errno}`);
    this.map = map;
    this.errno = errno;
  }
}

interface Installed {
  readonly slots: number;
  readonly backendIds: readonly number[];
  readonly affinity: boolean;
  readonly maglev: boolean;
}

export interface LoadBalancerOptions {
  /** Frontend keys hold the protocol (1.17 on); before, it is 0. */
  readonly protocolDifferentiation: boolean;
  readonly maglev: MaglevOptions;
}

export class LoadBalancer {
  readonly #maps: LoadBalancerMaps;
  readonly #affinityMatch: AffinityMatchMap;
  readonly #options: LoadBalancerOptions;
  /** Backend id by address, port and protocol; ids are the node's own and never come back. */
  readonly #ids = new Map<string, number>();
  readonly #users = new Map<number, number>();
  readonly #installed = new Map<number, Installed>();
  #nextId: number;

  constructor(maps: LoadBalancerMaps, affinityMatch: AffinityMatchMap, options: LoadBalancerOptions, firstBackendId = 1) {
    this.#maps = maps;
    this.#affinityMatch = affinityMatch;
    this.#options = options;
    this.#nextId = firstBackendId;
  }

  /** Id of a backend that some service lists, or undefined. */
  backendId(backend: BackendSpec, protocol: number): number | undefined {
    return this.#ids.get(this.#nameOf(backend, protocol));
  }

  /** Installs or updates a service, in the agent's order: backends, Maglev table, slots, reverse NAT, frontend, leftovers. */
  upsert(service: ServiceSpec): void {
    const before = this.#installed.get(service.revNatIndex);
    const ids = service.backends.map((backend) => this.#idOf(backend, service.protocol));
    for (const id of ids) this.#users.set(id, (this.#users.get(id) ?? 0) + 1);
    for (const [i, backend] of service.backends.entries()) this.#writeBackend(ids[i]!, backend, service.protocol);
    const order = selectionOrder(service.backends);
    if (service.maglev && order.selected.length > 0) this.#writeMaglev(service, ids, order.selected);
    const slots = [...order.selected, ...order.others];
    for (const [i, backend] of slots.entries()) this.#writeSlot(service, i + 1, ids[backend]!);
    this.#writeReverseNat(service);
    this.#writeFrontend(service, order.selected.length, order.quarantined);
    for (let slot = slots.length + 1; slot <= (before?.slots ?? 0); slot++) this.#removeSlot(service, slot);
    const affinity = (service.flags & SVC_FLAG_AFFINITY) !== 0;
    if (affinity) for (const id of ids) this.#match(id, service.revNatIndex);
    this.#installed.set(service.revNatIndex, {
      slots: slots.length,
      backendIds: ids,
      affinity,
      maglev: service.maglev && order.selected.length > 0,
    });
    if (before !== undefined) this.#release(before, service.revNatIndex, affinity ? ids : []);
  }

  /** Removes a service and the backends that nothing else lists. */
  remove(service: ServiceSpec): void {
    const before = this.#installed.get(service.revNatIndex);
    if (before === undefined) return;
    for (let slot = 0; slot <= before.slots; slot++) this.#removeSlot(service, slot);
    if (before.maglev) this.#maps.maglev.removeTable(service.revNatIndex);
    this.#maps.reverseNat.key[0] = service.revNatIndex;
    this.#maps.reverseNat.map.remove(this.#maps.reverseNat.key, 0, 0);
    this.#installed.delete(service.revNatIndex);
    this.#release(before, service.revNatIndex, []);
  }

  /** Drops one use of each backend; those without use leave the map. `kept`: ids that stay in the affinity match. */
  #release(before: Installed, revNatIndex: number, kept: readonly number[]): void {
    const { backends } = this.#maps;
    for (const id of before.backendIds) {
      if (before.affinity && !kept.includes(id)) {
        this.#affinityMatch.setKey(id, revNatIndex);
        this.#affinityMatch.map.remove(this.#affinityMatch.key, 0, 0);
      }
      const users = this.#users.get(id)! - 1;
      this.#users.set(id, users);
      if (users > 0) continue;
      this.#users.delete(id);
      for (const [name, each] of this.#ids) if (each === id) this.#ids.delete(name);
      backends.key[0] = id;
      backends.map.remove(backends.key, 0, 0);
    }
  }

  #idOf(backend: BackendSpec, protocol: number): number {
    const name = this.#nameOf(backend, protocol);
    const known = this.#ids.get(name);
    if (known !== undefined) return known;
    const id = this.#nextId++;
    this.#ids.set(name, id);
    return id;
  }

  #nameOf(backend: BackendSpec, protocol: number): string {
    const address = formatAddress(backend.address, 0, this.#maps.addressWords);
    return `${address} ${backend.port} ${this.#options.protocolDifferentiation ? protocol : 0}`;
  }

  #writeBackend(id: number, backend: BackendSpec, protocol: number): void {
    const { backends } = this.#maps;
    backends.key[0] = id;
    const slot = checked(backends.map.spec.name, backends.map.update(backends.key, 0, 0, 0));
    backends.setValue(slot, backend.address, backend.port, protocol, backend.state);
  }

  #writeMaglev(service: ServiceSpec, ids: readonly number[], selected: readonly number[]): void {
    const members = selected.map((i): MaglevBackend => {
      const backend = service.backends[i]!;
      return {
        address: formatAddress(backend.address, 0, this.#maps.addressWords),
        port: backend.port,
        protocol: PROTOCOL_NAMES[service.protocol] ?? "ANY",
        id: ids[i]!,
        weight: backend.weight,
      };
    });
    const table = maglevTable(members, this.#options.maglev);
    checked(this.#maps.maglev.map.spec.name, this.#maps.maglev.setTable(service.revNatIndex, table));
  }

  #writeSlot(service: ServiceSpec, slot: number, backendId: number): void {
    this.#writeService(service, slot, backendId, 0, 0, 0, 0);
  }

  #writeFrontend(service: ServiceSpec, count: number, quarantined: number): void {
    const affinity = (service.flags & SVC_FLAG_AFFINITY) !== 0 ? service.affinityTimeout : 0;
    const first = (service.algorithm << 24) | affinity;
    this.#writeService(service, 0, first, count, service.flags, service.flags2, quarantined);
  }

  #writeService(
    service: ServiceSpec,
    slot: number,
    first: number,
    count: number,
    flags: number,
    flags2: number,
    quarantined: number,
  ): void {
    const { services } = this.#maps;
    this.#key(service, slot);
    const at = checked(services.map.spec.name, services.map.update(services.key, 0, 0, 0));
    services.setValue(at, first, count, service.revNatIndex, flags, flags2, quarantined);
  }

  #removeSlot(service: ServiceSpec, slot: number): void {
    const { services } = this.#maps;
    this.#key(service, slot);
    services.map.remove(services.key, 0, 0);
  }

  #key(service: ServiceSpec, slot: number): void {
    const protocol = this.#options.protocolDifferentiation ? service.protocol : 0;
    this.#maps.services.setFrontend(Int32Array.from(service.address), 0, service.port, protocol);
    this.#maps.services.keySlot = slot;
  }

  #writeReverseNat(service: ServiceSpec): void {
    const { reverseNat } = this.#maps;
    reverseNat.key[0] = service.revNatIndex;
    const slot = checked(reverseNat.map.spec.name, reverseNat.map.update(reverseNat.key, 0, 0, 0));
    reverseNat.setValue(slot, service.address, service.port);
  }

  #match(backendId: number, revNatIndex: number): void {
    this.#affinityMatch.setKey(backendId, revNatIndex);
    checked(this.#affinityMatch.map.spec.name, this.#affinityMatch.map.update(this.#affinityMatch.key, 0, 0, 0));
  }
}

/** Which backends new connections go to, and which only keep their slots. Indexes into the list. */
export interface SelectionOrder {
  readonly selected: readonly number[];
  readonly others: readonly number[];
  readonly quarantined: number;
}

/** Active backends, or terminating ones when no active one is left; weight 0 stands for maintenance. */
export function selectionOrder(backends: readonly BackendSpec[]): SelectionOrder {
  const indexes = [...backends.keys()];
  const inState = (state: number): number[] => indexes.filter((i) => backends[i]!.state === state && backends[i]!.weight > 0);
  const active = inState(BACKEND_ACTIVE);
  const selected = active.length > 0 ? active : inState(BACKEND_TERMINATING);
  const others = indexes.filter((i) => !selected.includes(i));
  return { selected, others, quarantined: others.filter((i) => backends[i]!.state === BACKEND_QUARANTINED).length };
}

/** Whether a service's algorithm is Maglev: its own, else the node's. */
export function usesMaglev(algorithm: number, nodeDefault: "random" | "maglev"): boolean {
  return algorithm === 0 ? nodeDefault === "maglev" : algorithm === LB_SELECTION_MAGLEV;
}

function checked(map: string, result: number): number {
  if (result < 0) throw new LoadBalancerMapFullError(map, -result);
  return result;
}
