/**
 * Services and backends as recordings give them, written into the maps with the ids, slots and tables that the recording
 * names. The agent's own way to choose those is cilium/agent/load-balancer.ts.
 */

import type { CiliumMaps, FamilyMaps } from "../../../cilium/maps.js";
import type { AddressWords } from "../../../cilium/maps/address.js";
import { LB_SCOPE_EXTERNAL, SVC_FLAG_AFFINITY, SVC_FLAG_SOURCE_RANGE } from "../../../cilium/maps/service-maps.js";

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
  readonly revNatIndex: number;
  readonly backendIds: readonly number[];
  readonly flags?: number;
  readonly flags2?: number;
  /** Session affinity in seconds; 0 or absent = none. Sets the flag. */
  readonly affinitySeconds?: number;
  /** Allowed (or with the flag, denied) clients; sets the flag when not empty. */
  readonly sourceRanges?: readonly { readonly address: readonly number[]; readonly prefix: number }[];
  /** Maglev table as backend ids. */
  readonly maglevTable?: ArrayLike<number>;
}

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
  services.setValue(slot, service.affinitySeconds ?? 0, service.backendIds.length, service.revNatIndex, flags, service.flags2 ?? 0, 0);
  for (let i = service.backendIds.length + 1; i <= before; i++) {
    setKey(family, row, service, i);
    services.map.remove(services.key, 0, 0);
  }
  return writeAttachments(maps, family, service);
}

function setKey({ services }: FamilyMaps, address: Int32Array, service: ServiceSpec, slot: number): void {
  services.setFrontend(address, 0, service.port, service.protocol);
  services.keyScope = LB_SCOPE_EXTERNAL;
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
