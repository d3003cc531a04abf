/**
 * How the agent writes load balancing into the maps: backends, services with their slots, reverse NAT, affinity
 * membership, source ranges, Maglev tables. pkg/service and pkg/maps/lbmap; IPv4 and IPv6.
 */

import type { CiliumMaps, FamilyMaps } from "../maps.js";
import type { AddressWords } from "./address.js";
import { LB_SCOPE_EXTERNAL, SVC_FLAG_AFFINITY, SVC_FLAG_SOURCE_RANGE } from "./service-maps.js";

/** One backend. */
export interface BackendSpec {
  readonly id: number;
  readonly address: readonly number[];
  readonly port: number;
  readonly protocol: number;
  /** `BACKEND_*`; default active. */
  readonly state?: number;
}

/** One frontend with its backends in slot order. */
export interface ServiceSpec {
  readonly address: readonly number[];
  readonly port: number;
  /** IP protocol; 0 = any. */
  readonly protocol: number;
  readonly scope?: number;
  readonly revNatIndex: number;
  readonly backendIds: readonly number[];
  readonly flags?: number;
  readonly flags2?: number;
  /** Session affinity in seconds; 0 or absent = none. Sets the flag. */
  readonly affinitySeconds?: number;
  /** `LB_SELECTION_*`; 0 = the node's. */
  readonly algorithm?: number;
  /** L7 proxy port, host order, for services of the L7 load balancer. */
  readonly l7ProxyPort?: number;
  /** Allowed (or with the flag, denied) clients; sets the flag when not empty. */
  readonly sourceRanges?: readonly { readonly address: readonly number[]; readonly prefix: number }[];
  /** Maglev table as backend ids. */
  readonly maglevTable?: ArrayLike<number>;
}

/** Shift of the algorithm in a frontend's first word. */
const ALGORITHM_SHIFT = 24;

function familyOf(maps: CiliumMaps, address: readonly number[]): FamilyMaps {
  return maps.family(address.length as AddressWords);
}

/** Writes a backend. Returns 0 or a negated error number. */
export function writeBackend(maps: CiliumMaps, backend: BackendSpec): number {
  const { backends } = familyOf(maps, backend.address);
  backends.key[0] = backend.id;
  const slot = backends.map.update(backends.key, 0, 0, 0);
  if (slot < 0) return slot;
  backends.setValue(slot, backend.address, backend.port, backend.protocol, backend.state ?? 0);
  return 0;
}

/** Takes a backend away; services that still list it answer as without backend. */
export function deleteBackend(maps: CiliumMaps, addressWords: AddressWords, id: number): number {
  const { backends } = maps.family(addressWords);
  backends.key[0] = id;
  return backends.map.remove(backends.key, 0, 0);
}

/** Writes a service and everything that hangs on it, replacing what was there. Returns 0 or the first error number. */
export function writeService(maps: CiliumMaps, service: ServiceSpec): number {
  const family = familyOf(maps, service.address);
  const { services, reverseNat } = family;
  const row = Int32Array.from(service.address);
  const before = countOf(family, row, service);

  reverseNat.key[0] = service.revNatIndex;
  const reverse = reverseNat.map.update(reverseNat.key, 0, 0, 0);
  if (reverse < 0) return reverse;
  reverseNat.setValue(reverse, service.address, service.port);

  for (const [i, id] of service.backendIds.entries()) {
    setKey(family, row, service, i + 1);
    const slot = services.map.update(services.key, 0, 0, 0);
    if (slot < 0) return slot;
    services.setValue(slot, id, 0, service.revNatIndex, service.flags ?? 0, service.flags2 ?? 0, 0);
  }
  setKey(family, row, service, 0);
  const slot = services.map.update(services.key, 0, 0, 0);
  if (slot < 0) return slot;
  const flags = frontendFlags(service);
  services.setValue(slot, firstWord(service), service.backendIds.length, service.revNatIndex, flags, service.flags2 ?? 0, 0);
  for (let i = service.backendIds.length + 1; i <= before; i++) {
    setKey(family, row, service, i);
    services.map.remove(services.key, 0, 0);
  }
  return writeAttachments(maps, family, service);
}

/** Removes a service: frontend, slots, index, table and affinity membership. */
export function deleteService(maps: CiliumMaps, service: ServiceSpec): void {
  const family = familyOf(maps, service.address);
  const row = Int32Array.from(service.address);
  const count = countOf(family, row, service);
  for (let i = 0; i <= count; i++) {
    setKey(family, row, service, i);
    family.services.map.remove(family.services.key, 0, 0);
  }
  family.reverseNat.key[0] = service.revNatIndex;
  family.reverseNat.map.remove(family.reverseNat.key, 0, 0);
  family.maglev.removeTable(service.revNatIndex);
  for (const id of service.backendIds) {
    maps.affinityMatch.setKey(id, service.revNatIndex);
    maps.affinityMatch.map.remove(maps.affinityMatch.key, 0, 0);
  }
}

function setKey({ services }: FamilyMaps, address: Int32Array, service: ServiceSpec, slot: number): void {
  services.setFrontend(address, 0, service.port, service.protocol);
  services.keyScope = service.scope ?? LB_SCOPE_EXTERNAL;
  services.keySlot = slot;
}

/** Backend slots that the frontend has now. */
function countOf(family: FamilyMaps, address: Int32Array, service: ServiceSpec): number {
  setKey(family, address, service, 0);
  const slot = family.services.map.peek(family.services.key, 0);
  return slot < 0 ? 0 : family.services.count(slot);
}

function frontendFlags(service: ServiceSpec): number {
  const affinity = (service.affinitySeconds ?? 0) > 0 ? SVC_FLAG_AFFINITY : 0;
  const ranges = (service.sourceRanges?.length ?? 0) > 0 ? SVC_FLAG_SOURCE_RANGE : 0;
  return (service.flags ?? 0) | affinity | ranges;
}

/** Algorithm and affinity timeout, or the L7 proxy port as it stands in network order. */
function firstWord(service: ServiceSpec): number {
  if (service.l7ProxyPort !== undefined) return ((service.l7ProxyPort & 0xff) << 8) | (service.l7ProxyPort >>> 8);
  return ((service.algorithm ?? 0) << ALGORITHM_SHIFT) | (service.affinitySeconds ?? 0);
}

function writeAttachments(maps: CiliumMaps, family: FamilyMaps, service: ServiceSpec): number {
  const { affinityMatch } = maps;
  if ((service.affinitySeconds ?? 0) > 0) {
    for (const id of service.backendIds) {
      affinityMatch.setKey(id, service.revNatIndex);
      const slot = affinityMatch.map.update(affinityMatch.key, 0, 0, 0);
      if (slot < 0) return slot;
    }
  }
  for (const range of service.sourceRanges ?? []) {
    family.sourceRange.setKey(service.revNatIndex, range.address, 0, range.prefix);
    const slot = family.sourceRange.map.update(family.sourceRange.key, 0, 0, 0);
    if (slot < 0) return slot;
  }
  return service.maglevTable === undefined ? 0 : family.maglev.setTable(service.revNatIndex, service.maglevTable);
}
