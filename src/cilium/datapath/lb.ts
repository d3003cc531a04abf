/**
 * Load balancing: bpf/lib/lb.h. Frontend lookup, choice of a backend, translation there and back, session affinity,
 * source ranges. `lb4_*` and `lb6_*` are one function here.
 */

import { IPV4_WORDS } from "../maps/address.js";
import type { CtMap } from "../maps/ct-map.js";
import {
  BACKEND_ACTIVE,
  LB_SCOPE_EXTERNAL,
  LB_SCOPE_INTERNAL,
  LB_SELECTION_MAGLEV,
  LB_SELECTION_RANDOM,
  SVC_FLAG_AFFINITY,
  SVC_FLAG_SOURCE_RANGE,
  SVC_FLAG_SOURCE_RANGE_DENY,
  SVC_FLAG_TWO_SCOPES,
} from "../maps/service-maps.js";
import type { Tuple } from "../maps/tuple.js";
import { clockUnits } from "./config.js";
import { CT_ENTRY_SVC, CT_SERVICE, ctCreate, ctLazyLookup, ctUpdateServiceBackend, SCOPE_REVERSE } from "./conntrack.js";
import { CT_NEW, CT_REPLY } from "./context.js";
import type { CtState, DatapathContext } from "./context.js";
import { DROP_NO_SERVICE, DROP_UNKNOWN_CT } from "./drop-reasons.js";
import { hashServiceTuple } from "./hash.js";
import {
  OP_AFFINITY_DELETE,
  OP_AFFINITY_LOOKUP,
  OP_AFFINITY_MATCH_LOOKUP,
  OP_AFFINITY_UPDATE,
  OP_BACKENDS_LOOKUP,
  OP_HASH,
  OP_MAGLEV_INNER_LOOKUP,
  OP_MAGLEV_OUTER_LOOKUP,
  OP_REVERSE_NAT_LOOKUP,
  OP_SERVICES_LOOKUP,
  OP_SOURCE_RANGE_LOOKUP,
} from "./ops.js";
import { IPPROTO_TCP, TCP_SYN } from "./packet.js";

/** No backend: ids start at 1. */
const NO_BACKEND = 0;

/** One lookup of the frontend key as it stands. */
function lookupFrontend(dp: DatapathContext, scopeSwitch: boolean): number {
  const { services } = dp.family;
  services.keySlot = 0;
  services.keyScope = LB_SCOPE_EXTERNAL;
  const slot = dp.lookupHash(OP_SERVICES_LOOKUP, services.map, services.key);
  if (slot < 0 || !scopeSwitch || (services.flags2(slot) & SVC_FLAG_TWO_SCOPES) === 0) return slot;
  services.keyScope = LB_SCOPE_INTERNAL;
  return dp.lookupHash(OP_SERVICES_LOOKUP, services.map, services.key);
}

/**
 * `lb4_lookup_service` for the tuple (reverse layout) of a packet: the frontend's slot, or negative. With protocol
 * differentiation a miss is asked again for any protocol, so a packet of no service costs two lookups.
 * The services view keeps the key for the lookups of backend slots that follow.
 */
export function lbLookupService(dp: DatapathContext, tuple: Tuple, scopeSwitch: boolean): number {
  const { protocolDifferentiation } = dp.config.loadBalancer;
  dp.family.services.setFrontend(tuple.words, 0, tuple.sport, protocolDifferentiation ? tuple.protocol : 0);
  return lookupServiceKey(dp, scopeSwitch);
}

/** The same with the frontend key already set (socket LB). */
export function lookupServiceKey(dp: DatapathContext, scopeSwitch: boolean): number {
  const { services } = dp.family;
  const slot = lookupFrontend(dp, scopeSwitch);
  if (slot >= 0 || services.keyProtocol === 0) return slot;
  services.keyProtocol = 0;
  return lookupFrontend(dp, scopeSwitch);
}

/** `lb4_lookup_backend`. */
export function lbLookupBackend(dp: DatapathContext, id: number): number {
  const { backends } = dp.family;
  backends.key[0] = id;
  return dp.lookupHash(OP_BACKENDS_LOOKUP, backends.map, backends.key);
}

/** `lb4_src_range_ok`. */
export function lbSourceRangeOk(dp: DatapathContext, service: number): boolean {
  const { services, sourceRange } = dp.family;
  if (!dp.config.loadBalancer.sourceRanges || (services.flags(service) & SVC_FLAG_SOURCE_RANGE) === 0) return true;
  const { packet } = dp;
  sourceRange.setKey(services.revNatIndex(service), packet.row, packet.saddrAt, 32 * packet.addressWords);
  const found = dp.lookupLpm(OP_SOURCE_RANGE_LOOKUP, sourceRange.map, sourceRange.key) >= 0;
  return found !== ((services.flags2(service) & SVC_FLAG_SOURCE_RANGE_DENY) !== 0);
}

/** A backend by chance: one of the frontend's slots. 0 = none. */
function selectRandom(dp: DatapathContext, count: number): number {
  return lookupBackendSlot(dp, ((dp.random() >>> 0) % count) + 1);
}

/** `lb4_lookup_backend_slot`: the backend id in a slot of the frontend whose key is set. 0 = none. */
export function lookupBackendSlot(dp: DatapathContext, slotNumber: number): number {
  const { services } = dp.family;
  services.keySlot = slotNumber;
  const slot = dp.lookupHash(OP_SERVICES_LOOKUP, services.map, services.key);
  return slot < 0 ? NO_BACKEND : services.backendId(slot);
}

/** A backend by Maglev: the hash of the client names a place in the service's table. 0 = no table. */
function selectMaglev(dp: DatapathContext, tuple: Tuple, revNatIndex: number, affinity: boolean): number {
  const { maglev } = dp.family;
  const { maglevTableSize, maglevSeed4, maglevSeed6 } = dp.config.loadBalancer;
  maglev.key[0] = revNatIndex;
  const table = dp.lookupHash(OP_MAGLEV_OUTER_LOOKUP, maglev.map, maglev.key);
  if (table < 0) return NO_BACKEND;
  dp.count(OP_MAGLEV_INNER_LOOKUP);
  dp.count(OP_HASH);
  const seed = tuple.addressWords === IPV4_WORDS ? maglevSeed4 : maglevSeed6;
  const hash = hashServiceTuple(tuple, affinity, seed) >>> 0;
  return maglev.backendId(table, hash % maglevTableSize);
}

/** `lb4_select_backend_id`: by the service's own algorithm when it has one, else by the program's. */
function selectBackend(dp: DatapathContext, tuple: Tuple, service: number, random: boolean): number {
  const { services } = dp.family;
  const { perServiceAlgorithm, algorithm } = dp.config.loadBalancer;
  const own = perServiceAlgorithm ? services.algorithm(service) : 0;
  const useRandom = own === LB_SELECTION_RANDOM || (own !== LB_SELECTION_MAGLEV && (random || algorithm === "random"));
  if (useRandom) return selectRandom(dp, services.count(service));
  const affinity = (services.flags(service) & SVC_FLAG_AFFINITY) !== 0;
  return selectMaglev(dp, tuple, services.revNatIndex(service), affinity);
}

/**
 * `lb4_affinity_backend_id`: the backend that this client had within the timeout, when it still belongs to the service.
 * The affinity view's key is set by the caller. 0 = none.
 */
export function affinityBackend(dp: DatapathContext, timeout: number, revNatIndex: number): number {
  const { affinity } = dp.family;
  const { affinityMatch } = dp.maps;
  const slot = dp.lookupLru(OP_AFFINITY_LOOKUP, affinity.map, affinity.key);
  if (slot < 0) return NO_BACKEND;
  const backendId = affinity.backendId(slot);
  if (affinity.lastUsed(slot) + clockUnits(timeout, dp.config.clockHz) <= dp.now) {
    dp.remove(OP_AFFINITY_DELETE, affinity.map, affinity.key);
    return NO_BACKEND;
  }
  affinityMatch.setKey(backendId, revNatIndex);
  if (dp.lookupHash(OP_AFFINITY_MATCH_LOOKUP, affinityMatch.map, affinityMatch.key) < 0) {
    dp.remove(OP_AFFINITY_DELETE, affinity.map, affinity.key);
    return NO_BACKEND;
  }
  affinity.setValue(slot, dp.now, backendId);
  return backendId;
}

/** `__lb4_update_affinity`: notes the choice; the key is set by the caller. */
export function updateAffinity(dp: DatapathContext, backendId: number): void {
  const { affinity } = dp.family;
  const slot = dp.update(OP_AFFINITY_UPDATE, affinity.map, affinity.key);
  if (slot >= 0) affinity.setValue(slot, dp.now, backendId);
}

/**
 * `lb4_local`: the backend of a packet to a service: kept by its SERVICE entry, by affinity, or newly chosen; then
 * rewrites the packet's destination (and for a pod that reaches itself, its source).
 * `tuple` is in reverse layout and follows the translation; `state` receives what later entries need. 0 or a drop reason.
 */
export function lbLocal(dp: DatapathContext, ct: CtMap, tuple: Tuple, service: number, state: CtState, fromPod: boolean): number {
  const { services, backends, affinity } = dp.family;
  const { packet } = dp;
  const revNatIndex = services.revNatIndex(service);
  const count = services.count(service);
  const sticky = dp.config.loadBalancer.sessionAffinity && (services.flags(service) & SVC_FLAG_AFFINITY) !== 0;
  state.revNatIndex = revNatIndex;
  let backend = -1;
  if (sticky) affinity.setAddressClient(packet.row, packet.saddrAt, revNatIndex);

  switch (ctLazyLookup(dp, ct, tuple, CT_SERVICE, SCOPE_REVERSE, CT_ENTRY_SVC, state)) {
    case CT_NEW: {
      if (count === 0) return DROP_NO_SERVICE;
      let id = sticky ? affinityBackend(dp, services.affinityTimeout(service), revNatIndex) : NO_BACKEND;
      if (id !== NO_BACKEND) {
        backend = lbLookupBackend(dp, id);
        if (backend < 0) id = NO_BACKEND;
      }
      if (id === NO_BACKEND) {
        id = selectBackend(dp, tuple, service, fromPod);
        backend = lbLookupBackend(dp, id);
        if (backend < 0) return DROP_NO_SERVICE;
      }
      state.backendId = id;
      const ret = ctCreate(dp, ct, null, tuple, CT_SERVICE, state);
      if (ret < 0) return ret;
      break;
    }
    case CT_REPLY: {
      backend = lbLookupBackend(dp, state.backendId);
      if (backend >= 0 && (backends.state(backend) === BACKEND_ACTIVE || !isSyn(dp))) break;
      if (count === 0) return DROP_NO_SERVICE;
      const id = selectBackend(dp, tuple, service, fromPod);
      backend = lbLookupBackend(dp, id);
      if (backend < 0) return DROP_NO_SERVICE;
      state.backendId = id;
      ctUpdateServiceBackend(dp, ct, tuple, id);
      break;
    }
    default:
      return DROP_UNKNOWN_CT;
  }
  if (dp.observer !== null) dp.observer.backend(revNatIndex, state.backendId);
  if (sticky) updateAffinity(dp, state.backendId);
  translateToBackend(dp, tuple, backend, state, fromPod);
  return 0;
}

function isSyn(dp: DatapathContext): boolean {
  const { packet } = dp;
  return packet.protocol === IPPROTO_TCP && packet.hasL4Header && (packet.tcpFlags & TCP_SYN) !== 0;
}

/** `lb4_xlate`; a pod that reaches itself gets the loopback address as source (only in bpf_lxc). */
function translateToBackend(dp: DatapathContext, tuple: Tuple, backend: number, state: CtState, fromPod: boolean): void {
  const { backends } = dp.family;
  const { packet } = dp;
  const { node } = dp.config;
  if (fromPod && backends.addressIs(backend, packet.row, packet.saddrAt)) {
    state.loopback = true;
    const loopback = packet.addressWords === IPV4_WORDS ? node.loopback4 : node.loopback6;
    packet.setSaddr(loopback, 0);
    tuple.setSaddr(packet.row, packet.saddrAt);
  }
  backends.copyAddress(backend, dp.address, 0);
  packet.setDaddr(dp.address, 0);
  tuple.setDaddr(dp.address, 0);
  const port = backends.port(backend);
  if (packet.hasL4Header) packet.dport = port;
  tuple.sport = port;
}

/** `lb4_lookup_rev_nat_entry` into `dp.serviceAddress` and `dp.servicePort`; whether the index is known. */
export function lookupReverseNat(dp: DatapathContext, index: number): boolean {
  const { reverseNat } = dp.family;
  reverseNat.key[0] = index;
  const slot = dp.lookupHash(OP_REVERSE_NAT_LOOKUP, reverseNat.map, reverseNat.key);
  if (slot < 0) return false;
  reverseNat.copyAddress(slot, dp.serviceAddress, 0);
  dp.servicePort = reverseNat.port(slot);
  return true;
}

/**
 * `__lb4_rev_nat`: a backend's reply gets the service's address as source. A hairpin reply goes back to the pod that it
 * came from: its source becomes its destination.
 */
export function reverseNatSource(dp: DatapathContext, loopback: boolean, hasPort: boolean): void {
  const { packet } = dp;
  if (loopback) packet.setDaddr(packet.row, packet.saddrAt);
  packet.setSaddr(dp.serviceAddress, 0);
  if (dp.servicePort !== 0 && hasPort && packet.hasL4Header) packet.sport = dp.servicePort;
}
